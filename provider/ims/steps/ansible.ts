import * as childProcess from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import * as readline from "node:readline";
import { EdgeError, UnavailableHere } from "../../resource/errors";
import { startGuarded } from "../../process/guardedProcess";
import { findTool } from "../../process/tools";
import { describeAddress, type HostKeys, type SshAddress, type SshLogin } from "../../ssh";
import type { ImageRoot, ShellOptions } from "./imageRoot";
import type { Step } from "./schema";

type Play = NonNullable<Step["ansible"]>;
type Environment = Readonly<Record<string, string | undefined>>;

/** How another program than this one gets into a job's session. */
export interface SessionAccess {
    readonly address: SshAddress;
    readonly login: SshLogin;
    readonly hostKeys: HostKeys;
    readonly jump?: SshAddress;
    readonly jumpLogin?: SshLogin;
    /** Of the base image, which names the host as CFS does. */
    readonly imageId: string;
    /** The variables of this process. */
    readonly env: Environment;
}

/** Where its own settings are. They are the user's, for Ansible; nothing else of this process's environment is. */
const PASSED = [
    ...["PATH", "HOME", "TMPDIR", "TZ"],
    ...["ANSIBLE_CONFIG", "ANSIBLE_ROLES_PATH", "ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_COLLECTIONS_PATHS"],
    ...["ANSIBLE_LIBRARY", "ANSIBLE_FILTER_PLUGINS", "ANSIBLE_VAULT_PASSWORD_FILE"],
];
/** How many of its last lines the error of a failed play shows. */
const SHOWN_LINES = 30;

/** The full path of `ansible-playbook`, or what to do about it. */
export function findAnsible(env: Environment): string {
    const found = findTool("ansible-playbook", env.PATH ?? "");
    if (found !== undefined && findTool("ssh", env.PATH ?? "") !== undefined) return found;
    throw new UnavailableHere(
        `a step with ansible needs ${found === undefined ? "ansible-playbook" : "the OpenSSH client"} on PATH, which is not ` +
            "there: install Ansible (pipx install ansible-core, or the package ansible-core) and openssh-client",
    );
}

/** Plays a playbook on the image, by the job's SSH server. Nothing of it stays here or there. */
export async function playAnsible(
    play: Play,
    local: (file: string) => string,
    { root, access, shell }: { root: ImageRoot; access: SessionAccess; shell: ShellOptions },
): Promise<void> {
    const program = findAnsible(access.env);
    await needPython(root, shell);
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), "edge-os-ansible-"));
    const remoteFolder = `/tmp/.edge-os-${crypto.randomBytes(6).toString("hex")}`;
    try {
        const files = await writeFiles(play, { folder, remoteFolder, access });
        const args = [
            ...["--inventory", files.inventory, "--extra-vars", `@${files.variables}`],
            ...(play.arguments ?? []),
            path.basename(play.playbook),
        ];
        const env = { ...environmentOf(access, folder), ...shell.environment };
        // In the playbook's folder, where its ansible.cfg is; `env` exec's it there.
        const cwd = path.dirname(local(play.playbook));
        await run("/usr/bin/env", ["-C", cwd, program, ...args], { folder, env }, shell);
    } finally {
        await endMasters(folder, access.env);
        await fs.rm(folder, { recursive: true, force: true });
        await root
            .tryShell(`rm -rf ${remoteFolder}`, { ...shell, title: `removing ${remoteFolder}` })
            .catch(() => undefined);
    }
}

async function needPython(root: ImageRoot, shell: ShellOptions): Promise<void> {
    const { code } = await root.tryShell("command -v python3", { ...shell, title: "looking for python3" });
    if (code === 0) return;
    throw new EdgeError(
        `${shell.title}: the image has no python3, which Ansible needs: install it with a step before, { packages: { install: ["python3"] } }`,
    );
}

interface Files {
    readonly inventory: string;
    readonly variables: string;
}

/** The way in and what is secret, in files of a folder that only this user can enter. */
async function writeFiles(
    { variables = {}, groups = [] }: Play,
    { folder, remoteFolder, access }: { folder: string; remoteFolder: string; access: SessionAccess },
): Promise<Files> {
    const write = async (name: string, content: string): Promise<string> => {
        const file = path.join(folder, name);
        await fs.writeFile(file, content, { mode: 0o600 });
        return file;
    };
    const { address, login, jump, jumpLogin = login, imageId } = access;
    const knownHosts = await write("known_hosts", access.hostKeys.knownHosts());
    const key = "key" in login ? await write("key", keyText(login)) : undefined;
    const jumpKey = jump && "key" in jumpLogin ? await write("jump_key", keyText(jumpLogin)) : undefined;
    const onTheWay = jump ? { host: jump.host, key: jumpKey } : undefined;
    const config = await write("ssh_config", sshConfig(knownHosts, key, onTheWay));
    const host = {
        ansible_host: address.host,
        ansible_port: address.port,
        ansible_user: address.user,
        ansible_connection: "ssh",
        ansible_ssh_common_args: `-F ${config}${jump ? ` -J ${describeAddress(jump)}` : ""}`,
        ...(key === undefined ? {} : { ansible_ssh_private_key_file: key }),
        ansible_python_interpreter: "/usr/bin/env python3",
        ansible_remote_tmp: remoteFolder,
        cray_cfs_image: true,
    };
    const others = groups.map((group) => [group, { hosts: { [imageId]: null } }] as const);
    const children = { ...Object.fromEntries(others), cfs_image: { hosts: { [imageId]: host } } };
    return {
        inventory: await write("inventory.json", JSON.stringify({ all: { children } })),
        variables: await write("variables.json", JSON.stringify(variables)),
    };
}

function keyText({ key, passphrase }: Extract<SshLogin, { key: string }>): string {
    if (passphrase === undefined) return `${key.replace(/\r\n/g, "\n").trim()}\n`;
    throw new EdgeError(
        "Ansible cannot be given a key that a passphrase protects: use an agent (SSH_AUTH_SOCK), or leave publicKey out",
    );
}

/** The job's key was seen when this process logged in; nothing else may answer in its place. */
function sshConfig(
    knownHosts: string,
    key: string | undefined,
    onTheWay: { readonly host: string; readonly key: string | undefined } | undefined,
): string {
    return [
        // The first value that fits counts, and an agent's keys are offered where no file is named.
        ...(onTheWay
            ? [
                  `Host ${onTheWay.host}`,
                  ...(onTheWay.key === undefined
                      ? ["IdentitiesOnly no"]
                      : [`IdentityFile ${onTheWay.key}`, "IdentitiesOnly yes"]),
                  "Host *",
              ]
            : []),
        `UserKnownHostsFile ${knownHosts}`,
        "GlobalKnownHostsFile /dev/null",
        "StrictHostKeyChecking yes",
        "BatchMode yes",
        "ServerAliveInterval 10",
        ...(key === undefined ? [] : [`IdentityFile ${key}`, "IdentitiesOnly yes"]),
        "",
    ].join("\n");
}

function environmentOf(
    { env, login, jumpLogin = login }: SessionAccess,
    folder: string,
): Record<string, string> {
    const agent = [login, jumpLogin].find((one) => "agent" in one);
    const passed = PASSED.map((name) => [name, env[name]] as const);
    return {
        ...Object.fromEntries(passed.filter((entry): entry is [string, string] => entry[1] !== undefined)),
        ...(agent && "agent" in agent ? { SSH_AUTH_SOCK: agent.agent } : {}),
        // Ansible refuses a locale of another encoding.
        LC_ALL: "C.UTF-8",
        PYTHONUNBUFFERED: "1",
        ANSIBLE_NOCOLOR: "1",
        ANSIBLE_RETRY_FILES_ENABLED: "0",
        ANSIBLE_LOCAL_TEMP: path.join(folder, "tmp"),
        ANSIBLE_SSH_CONTROL_PATH_DIR: mastersIn(folder),
    };
}

/** Where ssh keeps a connection open from task to task. */
function mastersIn(folder: string): string {
    return path.join(folder, "cp");
}

/** It would stay for a minute after the last task. */
async function endMasters(folder: string, env: Environment): Promise<void> {
    const ssh = findTool("ssh", env.PATH ?? "");
    const sockets = await fs.readdir(mastersIn(folder)).catch(() => []);
    if (ssh === undefined) return;
    for (const socket of sockets) {
        const args = ["-F", "/dev/null", "-O", "exit", "-S", path.join(mastersIn(folder), socket), "job"];
        await new Promise<void>((resolve) => {
            // One that has ended by itself is as good.
            childProcess.execFile(ssh, args, { env: {}, timeout: 5_000 }, () => resolve());
        });
    }
}

/** Runs it to its end, or until it is cancelled or takes too long; it never outlives this process. */
async function run(
    program: string,
    args: readonly string[],
    options: { folder: string; env: Record<string, string> },
    { title, signal, timeLimit, onLine }: ShellOptions,
): Promise<void> {
    signal.throwIfAborted();
    const child = startGuarded(program, args, options);
    const last: string[] = [];
    const readers = [child.stdout, child.stderr].map((input) => {
        const lines = readline.createInterface({ input });
        lines.on("line", (line) => {
            if (line.trim() === "") return;
            last.push(line);
            if (last.length > SHOWN_LINES) last.shift();
            onLine?.(line);
        });
        return new Promise((resolve) => lines.once("close", resolve));
    });
    const limit = timeLimit === undefined ? undefined : AbortSignal.timeout(timeLimit);
    const stopped = limit ? AbortSignal.any([signal, limit]) : signal;
    const stop = (): void => void child.end();
    stopped.addEventListener("abort", stop, { once: true });
    const code = await child.ended;
    stopped.removeEventListener("abort", stop);
    signal.throwIfAborted();
    if (limit?.aborted) {
        throw new EdgeError(`${title} has not ended within ${Math.round((timeLimit ?? 0) / 1000)} s`);
    }
    await Promise.all(readers);
    if (code === 0) return;
    const shown = last.map((line) => `    ${line}`).join("\n");
    throw new EdgeError(`${title} failed with exit code ${code}${shown === "" ? "" : `:\n${shown}`}`);
}

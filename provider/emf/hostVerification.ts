import * as crypto from "node:crypto";
import { setMaxListeners } from "node:events";
import * as net from "node:net";
import { Limiter } from "../http/limiter";
import type { Context } from "../resource/context";
import { EdgeError, messageOf } from "../resource/errors";
import { quote } from "../process/quote";
import {
    ConnectionLost,
    HostKeys,
    parseSshAddress,
    SshConnections,
    sshSettingsOf,
    type ExecResult,
    type SshAddress,
    type SshConnection,
} from "../ssh";
import type { HostResource } from "./api";
import { addressOf } from "./hostAddress";
import { describeRelease, isVersion, parseOsRelease } from "./osRelease";
import type { ExpectedCommand, ExpectedFile, Verification, VerificationSsh } from "./verification.schema";

/** Hosts looked at together: each costs a login and a handful of round trips. */
const HOSTS_AT_ONCE = 16;
/** A host may boot once more just then. */
const CONNECTIONS = 3;
const TIME_LIMIT = 60_000;
const LARGEST_TEXT = 1 << 20;

/** Looks on running hosts whether they are what they shall be. */
export class HostVerification implements AsyncDisposable {
    private readonly access: SshAccess | undefined;
    private readonly hosts = new Limiter(HOSTS_AT_ONCE, HOSTS_AT_ONCE);

    /** Settings that are wrong or missing are told here, before anybody waits for a host. */
    constructor(
        private readonly verify: Verification,
        private readonly context: Context<unknown>,
        connection: string | undefined,
    ) {
        // Each command of each host listens to it, which Node would take for a leak.
        setMaxListeners(0, context.signal);
        if (verify.ssh) this.access = new SshAccess(verify.ssh, context, connection);
    }

    /** What is not as it shall be, by host; hosts that are all right are not in it. */
    async faults(
        hosts: ReadonlyMap<string, HostResource>,
        onProgress: (done: number) => void,
    ): Promise<Map<string, string[]>> {
        const { signal } = this.context;
        const found = new Map<string, string[]>();
        let done = 0;
        const look = async ([label, host]: [string, HostResource]): Promise<void> => {
            const faults = await this.faultsOf(label, host);
            signal.throwIfAborted();
            if (faults.length > 0) found.set(label, faults);
            onProgress(++done);
        };
        const looks = [...hosts].map((entry) => this.hosts.run(() => look(entry), signal));
        const results = await Promise.allSettled(looks);
        const failed = results.find((result) => result.status === "rejected");
        if (failed) throw failed.reason;
        // In the order of the program, whoever answered first.
        return new Map(
            [...hosts.keys()].flatMap((label) => (found.has(label) ? [[label, found.get(label) ?? []]] : [])),
        );
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.access?.connections.close();
    }

    private async faultsOf(label: string, host: HostResource): Promise<string[]> {
        if (!this.access) return profileFaults(host, this.verify.osVersion);
        try {
            return await this.overSsh(this.access, label, host);
        } catch (error) {
            this.context.signal.throwIfAborted();
            if (!(error instanceof EdgeError)) throw error;
            return [messageOf(error)];
        }
    }

    private async overSsh(access: SshAccess, label: string, host: HostResource): Promise<string[]> {
        for (let connections = 1; ; connections++) {
            const ssh = await access.connect(label, host);
            try {
                return await new Look(ssh, this.verify, access.sudo, this.context.signal).faults();
            } catch (error) {
                this.context.signal.throwIfAborted();
                if (!(error instanceof ConnectionLost) || connections === CONNECTIONS) throw error;
            } finally {
                await ssh.close();
            }
        }
    }
}

/** What EMF says: it knows the profile it has installed, not what became of it. */
function profileFaults({ instance }: HostResource, wanted: string | undefined): string[] {
    const { os = null } = instance ?? {};
    if (wanted === undefined || os?.imageId === wanted || os?.name === wanted) return [];
    const shown = os ? `${JSON.stringify(os.name)}, version ${JSON.stringify(os.imageId)}` : "none";
    return [`the OS profile in EMF is ${shown}, wanted version ${JSON.stringify(wanted)}`];
}

/** How to get into hosts. */
class SshAccess {
    readonly connections: SshConnections;
    readonly sudo: boolean;
    private readonly user: string;

    constructor(
        private readonly ssh: VerificationSsh,
        private readonly context: Context<unknown>,
        connection: string | undefined,
    ) {
        const settings = sshSettingsOf(context, connection);
        this.user = ssh.user ?? settings.user ?? "root";
        this.sudo = ssh.sudo;
        const jump = ssh.jump === undefined ? settings.jump : parseSshAddress(ssh.jump, { user: this.user });
        this.connections = new SshConnections({
            login: settings.login(),
            hostKeys: new HostKeys({ ...settings.hostKeys, ...ssh.hostKeys }),
            ...(jump === undefined ? {} : { jump }),
            clock: {
                now: () => context.now(),
                sleep: (milliseconds) => context.sleep(milliseconds),
            },
        });
    }

    connect(label: string, host: HostResource): Promise<SshConnection> {
        const address = this.address(label, host);
        const pin = this.ssh.hostKeys?.[label];
        if (pin !== undefined) this.connections.hostKeys.pin(address, pin);
        return this.connections.connect(address, {
            signal: this.context.signal,
            readyWithin: this.ssh.readyWithinSeconds * 1000,
        });
    }

    private address(label: string, host: HostResource): SshAddress {
        const { addresses = {}, port } = this.ssh;
        const given = addresses[label] ?? addressOf(host);
        if (given === undefined) {
            throw new EdgeError("EMF shows no address of it: give one in verify.ssh.addresses");
        }
        const text = net.isIPv6(given) ? `[${given}]` : given;
        return parseSshAddress(text, { user: this.user, port });
    }
}

/** One look at one host, over one connection. */
class Look {
    constructor(
        private readonly ssh: SshConnection,
        private readonly verify: Verification,
        private readonly sudo: boolean,
        private readonly signal: AbortSignal,
    ) {}

    async faults(): Promise<string[]> {
        const { osVersion, files = [], commands = [] } = this.verify;
        const looks = [
            ...(osVersion === undefined ? [] : [this.osFaults(osVersion)]),
            ...files.map((file) => this.fileFaults(file)),
            ...commands.map((command) => this.commandFaults(command)),
        ];
        const results = await Promise.allSettled(looks);
        const failed = results.find((result) => result.status === "rejected");
        if (failed) throw failed.reason;
        return results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
    }

    private async osFaults(wanted: string): Promise<string[]> {
        const { code, stdout } = await this.run(
            "cat /etc/os-release || cat /usr/lib/os-release",
            "os-release",
        );
        if (code !== 0) return ["OS version: there is no /etc/os-release"];
        const release = parseOsRelease(stdout);
        return isVersion(release, wanted)
            ? []
            : [`OS version: it runs ${describeRelease(release)}, wanted ${JSON.stringify(wanted)}`];
    }

    private async fileFaults(file: ExpectedFile): Promise<string[]> {
        const { path, content, contains } = file;
        const said = await this.run(FILE_FACTS.replace("FILE", quote(path)), `the look at ${path}`);
        const [mode = "", digest = ""] = said.stdout.split(/[\s]+/);
        const fault = (text: string): string => `file ${path}: ${text}`;
        if (mode === "missing") return [fault("is missing")];
        if (said.code !== 0) return [fault(`cannot be read (${lastLine(said.stderr)})`)];
        const faults: string[] = [];
        if (file.mode !== undefined && Number.parseInt(mode, 8) !== Number.parseInt(file.mode, 8)) {
            faults.push(fault(`has the mode ${mode.padStart(4, "0")}, wanted ${file.mode.padStart(4, "0")}`));
        }
        // Contents may be secret: they are compared and not shown.
        const wanted = content === undefined ? file.sha256 : sha256(content);
        if (wanted !== undefined && wanted !== digest) {
            faults.push(fault(`has other content (SHA-256 ${digest}, wanted ${wanted})`));
        }
        if (contains !== undefined && !(await this.contains(path, contains))) {
            faults.push(fault("does not contain the wanted text"));
        }
        return faults;
    }

    private async contains(path: string, text: string): Promise<boolean> {
        const { stdout } = await this.run(`head -c ${LARGEST_TEXT} < ${quote(path)}`, `the look at ${path}`);
        return stdout.includes(text);
    }

    private async commandFaults({ run, expect, exitCode }: ExpectedCommand): Promise<string[]> {
        const title = `command ${JSON.stringify(shortened(run))}`;
        let result: ExecResult;
        try {
            result = await this.run(run, title);
        } catch (error) {
            if (!(error instanceof EdgeError) || error instanceof ConnectionLost) throw error;
            return [messageOf(error)];
        }
        const { code, signal, stdout, stderr } = result;
        if (code !== exitCode) {
            const end =
                code === undefined ? `was ended by signal ${signal ?? "?"}` : `ended with exit code ${code}`;
            const said = lastLine(stderr) || lastLine(stdout);
            return [`${title}: ${end}, wanted exit code ${exitCode}${said === "" ? "" : ` (${said})`}`];
        }
        if (expect === undefined || new RegExp(expect, "m").test(stdout)) return [];
        return [
            `${title}: printed ${JSON.stringify(shortened(stdout.trim()))}, wanted ${shortened(`/${expect}/`)}`,
        ];
    }

    private run(command: string, title: string): Promise<ExecResult> {
        const whole = this.sudo ? `sudo -n sh -c ${quote(command)}` : command;
        // What `head -c` lets through must arrive whole.
        return this.ssh.exec(whole, {
            signal: this.signal,
            timeLimit: TIME_LIMIT,
            maxOutput: 2 * LARGEST_TEXT,
            title,
        });
    }
}

const FILE_FACTS =
    'f=FILE; [ -e "$f" ] || { echo missing; exit 0; }; stat -L -c %a -- "$f" && sha256sum < "$f"';

function sha256(text: string): string {
    return crypto.createHash("sha256").update(text).digest("hex");
}

function lastLine(text: string): string {
    return shortened(text.trim().split("\n").at(-1) ?? "");
}

function shortened(text: string): string {
    return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

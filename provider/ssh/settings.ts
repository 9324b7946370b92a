import * as fs from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import type { Context, Host } from "../resource/context";
import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";
import { describeIssue, formatPath } from "../resource/problem";
import { isRecord } from "../resource/unknown";
import { parseSshAddress, type SshAddress } from "./address";
import { isFingerprints } from "./hostKeys";
import type { SshLogin } from "./login";

/** How this stack logs in to machines. */
export interface SshSettings {
    /** Reads the key, or says that there is none here: asked for only when there is something to connect to. */
    readonly login: () => SshLogin;
    readonly user?: string;
    readonly jump?: SshAddress;
    /** Fingerprints by host. */
    readonly hostKeys: Readonly<Record<string, string>>;
}

type Sources = Pick<Host, "config" | "env" | "projectDir">;

const fields = z.strictObject({
    user: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    jump: z.string().min(1).optional(),
    hostKeys: z
        .record(z.string(), z.string().refine(isFingerprints, "must be a fingerprint such as SHA256:…"))
        .optional(),
});

/**
 * Reads `edge-os:ssh` (or the block `ssh` of the named connection) and the environment, which wins. The key itself is
 * never configuration: `EDGE_OS_SSH_KEY` holds it, or `keyFile` names its file, or an agent has it.
 */
export function readSshSettings(sources: Sources, connection?: string): SshSettings {
    const { config, title } = readBlock(sources, connection);
    const variables = variablesOf(sources.env, connection);
    const jump = variables("JUMP") ?? config.jump;
    const user = variables("USER") ?? config.user;
    return {
        login: () => readLogin(sources, config.keyFile, title, variables),
        ...(user === undefined ? {} : { user }),
        ...(jump === undefined ? {} : { jump: readJump(jump, user, title) }),
        hostKeys: config.hostKeys ?? {},
    };
}

/** What {@link readSshSettings} reads, for a verb that runs. */
export function sshSettingsOf(
    { settings, projectDir }: Pick<Context<unknown>, "settings" | "projectDir">,
    connection?: string,
): SshSettings {
    const { env } = settings;
    return readSshSettings({ config: (key) => settings.config(key), env, projectDir }, connection);
}

function readLogin(
    sources: Sources,
    configured: string | undefined,
    title: string,
    variables: (name: string) => string | undefined,
): SshLogin {
    const passphrase = variables("PASSPHRASE");
    const withPassphrase = passphrase === undefined ? {} : { passphrase };
    const key = variables("KEY");
    if (key !== undefined) return { key, ...withPassphrase, from: "EDGE_OS_SSH_KEY" };
    const file = variables("KEY_FILE") ?? configured;
    if (file !== undefined) {
        try {
            const text = fs.readFileSync(path.resolve(sources.projectDir, file), "utf8");
            return { key: text, ...withPassphrase, from: file };
        } catch (error) {
            throw new UnavailableHere(
                `SSH key file ${file} cannot be read (${messageOf(error)}): ${title}.keyFile`,
            );
        }
    }
    const agent = sources.env.SSH_AUTH_SOCK;
    if (agent !== undefined && agent !== "") return { agent, from: "the keys of the agent (SSH_AUTH_SOCK)" };
    throw new UnavailableHere(
        "there is no SSH key to log in with: set EDGE_OS_SSH_KEY to a private key, or " +
            `${title}.keyFile (EDGE_OS_SSH_KEY_FILE) to its file, or run an agent (SSH_AUTH_SOCK)`,
    );
}

function readJump(text: string, user: string | undefined, title: string): SshAddress {
    try {
        return parseSshAddress(text, { user });
    } catch (error) {
        throw new EdgeError(`${title}.jump ${JSON.stringify(text)} ${messageOf(error)}`);
    }
}

function readBlock(
    sources: Sources,
    connection: string | undefined,
): { config: z.output<typeof fields>; title: string } {
    const named =
        connection === undefined
            ? undefined
            : connectionBlock(sources.config("edge-os:connections"), connection);
    const title = named === undefined ? "edge-os:ssh" : `edge-os:connections["${connection ?? ""}"].ssh`;
    const block = named ?? parseJson(sources.config("edge-os:ssh"));
    const parsed = fields.safeParse(block ?? {}, { reportInput: true });
    if (parsed.success) return { config: parsed.data, title };
    const reasons = parsed.error.issues.map((issue) =>
        `${formatPath(issue.path)} ${describeIssue(issue)}`.trim(),
    );
    throw new EdgeError(`configuration ${title}: ${reasons.join("; ")}`);
}

/** A connection without a block of its own logs in as the others do. */
function connectionBlock(text: string | undefined, name: string): unknown {
    const connections = parseJson(text);
    const connection = isRecord(connections) ? connections[name] : undefined;
    return isRecord(connection) ? connection.ssh : undefined;
}

function parseJson(text: string | undefined): unknown {
    if (text === undefined || text === "") return undefined;
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

/** `EDGE_OS_<CONNECTION>_SSH_KEY` before `EDGE_OS_SSH_KEY`. */
function variablesOf(
    env: Sources["env"],
    connection: string | undefined,
): (name: string) => string | undefined {
    const own = connection === undefined ? undefined : connection.toUpperCase().replace(/[^A-Z0-9]/g, "_");
    return (name) => {
        const values = [
            own === undefined ? undefined : env[`EDGE_OS_${own}_SSH_${name}`],
            env[`EDGE_OS_SSH_${name}`],
        ];
        return values.find((value) => value !== undefined && value !== "");
    };
}

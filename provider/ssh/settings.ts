import * as fs from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import type { Context, Host } from "../resource/context";
import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";
import { fieldsIn, SettingsBlock } from "../settings/block";
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

type SshHost = Pick<Host, "config" | "env" | "projectDir">;

const fields = z.strictObject({
    user: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    jump: z.string().min(1).optional(),
    hostKeys: z
        .record(z.string(), z.string().refine(isFingerprints, "must be a fingerprint such as SHA256:…"))
        .optional(),
});

/**
 * Reads `edge-os:ssh` and the environment, which wins; a block `ssh` of the named connection stands in its place, and
 * the connection's variables come first. The key itself is never configuration: `EDGE_OS_SSH_KEY` holds it, or
 * `keyFile` names its file, or an agent has it.
 */
export function readSshSettings(host: SshHost, connection?: string): SshSettings {
    const common = new SettingsBlock("ssh", undefined, host);
    const own = connection === undefined ? common : new SettingsBlock("ssh", connection, host);
    // A connection without a block of its own logs in as the others do.
    const block = own.values === undefined && own.problems.length === 0 ? common : own;
    const config = fieldsIn("SSH", block, fields);
    const fromEnv = (field: string): string | undefined => own.fromEnv(field) ?? common.fromEnv(field);
    const jump = fromEnv("jump") ?? config.jump;
    const user = fromEnv("user") ?? config.user;
    return {
        login: () => readLogin(host, config.keyFile, block.title, fromEnv),
        ...(user === undefined ? {} : { user }),
        ...(jump === undefined ? {} : { jump: readJump(jump, user, block.title) }),
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
    { projectDir, env }: SshHost,
    configured: string | undefined,
    title: string,
    fromEnv: (field: string) => string | undefined,
): SshLogin {
    const passphrase = fromEnv("passphrase");
    const withPassphrase = passphrase === undefined ? {} : { passphrase };
    const key = fromEnv("key");
    if (key !== undefined) return { key, ...withPassphrase, from: "EDGE_OS_SSH_KEY" };
    const file = fromEnv("keyFile") ?? configured;
    if (file !== undefined) {
        try {
            const text = fs.readFileSync(path.resolve(projectDir, file), "utf8");
            return { key: text, ...withPassphrase, from: file };
        } catch (error) {
            throw new UnavailableHere(
                `SSH key file ${file} cannot be read (${messageOf(error)}): ${title}.keyFile`,
            );
        }
    }
    const agent = env.SSH_AUTH_SOCK;
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

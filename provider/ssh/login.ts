import type * as Ssh2 from "ssh2";
import { EdgeError, messageOf } from "../resource/errors";
import { ssh2 } from "./library";

/** What proves who logs in: a private key, or an agent that holds some. */
export type SshLogin =
    | {
          readonly key: string;
          readonly passphrase?: string;
          /** Where the key comes from, for messages: `EDGE_OS_SSH_KEY`, a file's name. */
          readonly from: string;
      }
    | {
          /** The agent's socket. */
          readonly agent: string;
          readonly from: string;
      };

/** How to log in as a user. Reads the key before there is a connection: a fault in it is no refused login. */
export function authenticationOf(
    login: SshLogin,
    username: string,
): Ssh2.AgentAuthMethod | Ssh2.PublicKeyAuthMethod {
    if ("agent" in login) return { type: "agent", username, agent: login.agent };
    return { type: "publickey", username, key: parsedKey(login) };
}

type KeyLogin = Extract<SshLogin, { key: string }>;

/** Opening a key that a passphrase protects takes a second, which is spent once and not for each of many hosts. */
const parsedKeys = new WeakMap<KeyLogin, Ssh2.ParsedKey>();

function parsedKey(login: KeyLogin): Ssh2.ParsedKey {
    const known = parsedKeys.get(login);
    if (known) return known;
    // A variable of a pipeline may have lost its last line end, and Windows puts others.
    const parsed = parse(`${login.key.replace(/\r\n/g, "\n").trim()}\n`, login.passphrase);
    if (parsed instanceof Error || !parsed.isPrivateKey()) {
        throw new EdgeError(`the SSH key (${login.from}) ${keyFault(parsed, login.passphrase)}`);
    }
    parsedKeys.set(login, parsed);
    return parsed;
}

function keyFault(parsed: Ssh2.ParsedKey | Error, passphrase: string | undefined): string {
    if (!(parsed instanceof Error)) return "is a public key: the private one is needed";
    if (/no passphrase given/i.test(parsed.message)) {
        return "is protected by a passphrase: set EDGE_OS_SSH_PASSPHRASE, or use an agent (SSH_AUTH_SOCK)";
    }
    if (passphrase !== undefined && /passphrase|integrity|decrypt|malformed/i.test(parsed.message)) {
        return "cannot be opened with the passphrase in EDGE_OS_SSH_PASSPHRASE";
    }
    return (
        "cannot be read as a private key: keys as ssh-keygen writes them (-----BEGIN OPENSSH PRIVATE KEY-----) can; " +
        "ssh-keygen -p -f FILE rewrites others"
    );
}

/** What ssh2 says of a broken key quotes nothing of it, but what node:crypto says is not known: it stays here. */
function parse(text: string, passphrase: string | undefined): Ssh2.ParsedKey | Error {
    try {
        // A list of one for OpenSSH's own form, which the types do not tell.
        const parsed = ssh2().utils.parseKey(text, passphrase) as Ssh2.ParsedKey | [Ssh2.ParsedKey] | Error;
        return Array.isArray(parsed) ? parsed[0] : parsed;
    } catch (error) {
        return new Error(messageOf(error));
    }
}

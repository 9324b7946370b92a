import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";

/** No connection came about. In a preview that is no failure: the runner may have no way to the machine. */
export class SshUnreachable extends UnavailableHere {
    constructor(
        message: string,
        /** Trying again may help: the machine may still be starting. */
        readonly passing: boolean,
        /** Its name leads nowhere: a mistake, unless the machine is so new that nobody has been told yet. */
        readonly isNameUnknown = false,
    ) {
        super(message);
    }
}

/** The machine answers, and lets nobody in with these credentials. */
export class LoginRefused extends EdgeError {
    override readonly name = "LoginRefused";
}

/** The machine shows another host key than the one it must have. */
export class HostKeyRefused extends EdgeError {
    override readonly name = "HostKeyRefused";
}

/** An established connection broke off: what was going on there may or may not have ended. */
export class ConnectionLost extends EdgeError {
    override readonly name = "ConnectionLost";
}

/** A command did not end in its time. */
export class CommandTimedOut extends EdgeError {
    override readonly name = "CommandTimedOut";
}

interface Diagnosis {
    text: string;
    passing: boolean;
}

const BROKEN_OFF =
    "broke the connection off before the login: is it an SSH server, and does it take more connections?";

const DIAGNOSES: Readonly<Record<string, Diagnosis>> = {
    ECONNREFUSED: {
        text: "nothing answers there: is its SSH server up, and is the port right?",
        passing: true,
    },
    EHOSTUNREACH: {
        text: "there is no way to it from here: check the address, network and VPN",
        passing: true,
    },
    ENETUNREACH: {
        text: "there is no way to it from here: check the address, network and VPN",
        passing: true,
    },
    ETIMEDOUT: { text: "no connection in time: is it reachable from here (firewall, VPN)?", passing: true },
    ENOTFOUND: {
        text: "the name is not known here: check it, and the network or VPN of this machine",
        passing: false,
    },
    EAI_AGAIN: { text: "the name cannot be looked up here at present", passing: true },
    ECONNRESET: { text: BROKEN_OFF, passing: true },
    EPIPE: { text: BROKEN_OFF, passing: true },
};

/** What ssh2 or the socket reported before the login was through, in words to act on. */
export function explainConnect(error: unknown, where: string, login: string): EdgeError {
    if (error instanceof EdgeError) return error;
    const { code, level } = error as NodeJS.ErrnoException & { level?: string };
    if (level === "client-authentication" || level === "agent") {
        return new LoginRefused(
            `SSH to ${where}: the login was refused with ${login}: ` +
                "is the public key among the user's authorized keys there, and is the user right?",
        );
    }
    const known = code === undefined ? undefined : DIAGNOSES[code];
    if (known) {
        const text = `SSH to ${where}: ${known.text} (${code ?? ""})`;
        return new SshUnreachable(text, known.passing, code === "ENOTFOUND");
    }
    if (level === "client-timeout") {
        return new SshUnreachable(`SSH to ${where}: it did not answer in time`, true);
    }
    const text = messageOf(error);
    if (/before handshake|ended unexpectedly|connection lost/i.test(text)) {
        return new SshUnreachable(`SSH to ${where}: it ${BROKEN_OFF}`, true);
    }
    return new SshUnreachable(`SSH to ${where}: ${text}`, false);
}

import * as net from "node:net";
import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import { describeAddress, type SshAddress } from "./address";
import { explainConnect, HostKeyRefused, SshUnreachable } from "./failure";
import type { HostKeys } from "./hostKeys";
import { ssh2 } from "./library";
import { authenticationOf, type SshLogin } from "./login";

const READY_TIMEOUT = 20_000;
/** A machine that has lost its power says nothing; after three unanswered questions it is taken for gone. */
const KEEPALIVE = { keepaliveInterval: 10_000, keepaliveCountMax: 3 };

export interface ConnectOptions {
    readonly login: SshLogin;
    readonly hostKeys: HostKeys;
    /** A connected way to the server instead of a socket of its own: through a jump host. */
    readonly through?: Duplex;
    readonly signal?: AbortSignal;
}

/** A logged-in client, and what it speaks over. */
export interface Connected {
    readonly client: Client;
    /** Destroying the client does nothing once its end has been asked for; destroying this does. */
    readonly socket: Duplex;
}

/** Connects and logs in once. What goes wrong is an EdgeError without any secret. */
export async function connectOnce(address: SshAddress, options: ConnectOptions): Promise<Connected> {
    const { login, hostKeys, through, signal } = options;
    signal?.throwIfAborted();
    const authentication = authenticationOf(login, address.user);
    const where = describeAddress(address);
    const client = new (ssh2().Client)();
    // Without noDelay each command waits 40 ms for the kernel's delayed acknowledgement.
    const socket = through ?? net.connect({ host: address.host, port: address.port, noDelay: true });
    let keyFault: string | undefined;

    return new Promise<Connected>((resolve, reject) => {
        const fail = (error: unknown): void => {
            signal?.removeEventListener("abort", onAbort);
            // ssh2 goes on reporting after the first error; nobody listens any more.
            client.on("error", () => undefined);
            socket.destroy();
            if (signal?.aborted) reject(signal.reason as Error);
            else if (keyFault !== undefined) reject(new HostKeyRefused(`SSH to ${where}: it ${keyFault}`));
            else reject(explainConnect(error, where, login.from));
        };
        const onAbort = (): void => fail(undefined);
        signal?.addEventListener("abort", onAbort, { once: true });
        client.once("error", fail);
        client.once("close", () => fail(new Error("the connection ended unexpectedly")));
        client.once("ready", () => {
            signal?.removeEventListener("abort", onAbort);
            client.removeAllListeners("error").removeAllListeners("close");
            client.on("error", () => undefined); // followed by "close", which whoever uses the client sees
            resolve({ client, socket });
        });
        try {
            client.connect({
                username: address.user,
                authHandler: [authentication],
                ...KEEPALIVE,
                readyTimeout: READY_TIMEOUT,
                hostVerifier: (key: Buffer) => {
                    keyFault = hostKeys.fault(address.host, address.port, key);
                    return keyFault === undefined;
                },
                sock: socket,
            });
        } catch (error) {
            fail(error);
        }
    });
}

/** A way to `address` that begins on the machine at the other end of `jump`. */
export function forward(jump: Client, from: SshAddress, address: SshAddress): Promise<Duplex> {
    return new Promise((resolve, reject) => {
        const refuse = (reason: string): void => {
            reject(
                new SshUnreachable(
                    `SSH to ${describeAddress(address)} through the jump host ${describeAddress(from)}: ${reason}`,
                    true,
                ),
            );
        };
        try {
            jump.forwardOut("127.0.0.1", 0, address.host, address.port, (error, channel) => {
                if (error) refuse(`the jump host gets no connection to it (${error.message})`);
                else resolve(channel);
            });
        } catch {
            refuse("the connection to the jump host is lost");
        }
    });
}

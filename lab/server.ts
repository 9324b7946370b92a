import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";

import type { Identity } from "./certificates";
import { readJson, writeAtomically } from "./folder";

const HOST = "127.0.0.1";
/** How long requests under way may take to end when a server is closed. */
const CLOSE_GRACE_MS = 2000;

/** A server of the lab that listens on loopback. */
export interface Listener {
    readonly port: number;
    /** `https://127.0.0.1:<port>` (or `http:`). */
    readonly origin: string;
    /** Serves another certificate from the next connection on. */
    useCertificate(identity: Identity): void;
    /** Ends idle connections at once, lets requests under way finish, then ends what is left. */
    close(): Promise<void>;
}

/** What a server of the lab needs. */
export interface ListenOptions {
    /** The server's name in the port book and in errors. */
    name: string;
    ports: PortBook;
    /** Without one the server speaks plain HTTP. */
    identity?: Identity;
    handler: http.RequestListener;
}

/** The ports the lab's servers had last time, so that a stack finds them again after a restart. */
export class PortBook {
    constructor(private readonly file: string) {}

    get(name: string): number | undefined {
        const port = this.read()[name];
        return typeof port === "number" ? port : undefined;
    }

    set(name: string, port: number): void {
        writeAtomically(this.file, `${JSON.stringify({ ...this.read(), [name]: port }, undefined, 4)}\n`);
    }

    /** The error for a kept port that another process holds. */
    taken(name: string, port: number): Error {
        return new Error(
            `The lab's ${name} server cannot listen on ${HOST}:${port}: another process uses this port. ` +
                `The lab keeps its ports so that stacks find it again. ` +
                `End the other process, or remove ${this.file} to let the lab choose new ports ` +
                `(stacks then need the new address from lab.json).`,
        );
    }

    private read(): Record<string, unknown> {
        return (readJson(this.file) ?? {}) as Record<string, unknown>;
    }
}

/** Starts a server on its kept port, or on a free one the first time. */
export async function listen(options: ListenOptions): Promise<Listener> {
    const { name, ports, identity, handler } = options;
    const server = identity
        ? https.createServer(
              { key: identity.key, cert: identity.certificate, minVersion: "TLSv1.2" },
              handler,
          )
        : http.createServer(handler);
    const kept = ports.get(name);
    try {
        await bind(server, kept ?? 0);
    } catch (error) {
        if (kept !== undefined && (error as NodeJS.ErrnoException).code === "EADDRINUSE") {
            throw ports.taken(name, kept);
        }
        throw error;
    }
    const { port } = server.address() as AddressInfo;
    if (kept === undefined) {
        ports.set(name, port);
    }
    return {
        port,
        origin: `${identity ? "https" : "http"}://${HOST}:${port}`,
        useCertificate: (next) => {
            if (server instanceof https.Server) {
                server.setSecureContext({ key: next.key, cert: next.certificate, minVersion: "TLSv1.2" });
            }
        },
        close: () => close(server),
    };
}

function bind(server: http.Server | https.Server, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, HOST, () => {
            server.off("error", reject);
            resolve();
        });
    });
}

function close(server: http.Server | https.Server): Promise<void> {
    return new Promise((resolve) => {
        const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
        server.close(() => {
            clearTimeout(force);
            resolve();
        });
        server.closeIdleConnections();
    });
}

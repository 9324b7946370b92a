import * as net from "node:net";
import type { GuardedProcess } from "../process/guardedProcess";
import { EdgeError } from "../resource/errors";
import type { Machine } from "./machine";
import type { SerialPattern } from "./serialWatch";

/** The serial line of a machine, and its keyboard. */
export interface MachineLine {
    readonly output: NodeJS.ReadableStream;
    /** Does what a pattern that has come asks for. */
    answer(pattern: SerialPattern): void;
    close(): void;
}

const OPEN_LIMIT = 20_000;
const OPEN_INTERVAL = 25;
/** Boot loaders that are busy drawing lose keys that come at once. */
const KEY_INTERVAL = 100;

/** A line that is only read. */
export function readingLine({ stdout }: GuardedProcess): MachineLine {
    return { output: stdout, answer: () => undefined, close: () => undefined };
}

/** A line that can be typed on. */
export async function openLine(
    { serial, control }: NonNullable<Machine["sockets"]>,
    machine: GuardedProcess,
): Promise<MachineLine> {
    const line = await connect(serial, machine);
    const keyboard = await connect(control, machine);
    // QEMU takes commands once its own have been agreed upon, and answers to each; nothing of it is needed.
    keyboard.resume();
    execute(keyboard, "qmp_capabilities");
    let keys = Promise.resolve();
    return {
        output: line,
        answer({ reply, keys: pressed = [] }) {
            if (reply !== undefined) line.write(reply);
            for (const key of pressed) keys = keys.then(() => press(keyboard, key));
        },
        close() {
            line.destroy();
            keyboard.destroy();
        },
    };
}

async function press(keyboard: net.Socket, key: string): Promise<void> {
    execute(keyboard, "send-key", { keys: [{ type: "qcode", data: key }] });
    await new Promise((resolve) => setTimeout(resolve, KEY_INTERVAL));
}

function execute(keyboard: net.Socket, command: string, options?: object): void {
    keyboard.write(`${JSON.stringify({ execute: command, ...(options ? { arguments: options } : {}) })}\n`);
}

/** QEMU makes its sockets some moments after it was started. */
async function connect(file: string, machine: GuardedProcess): Promise<net.Socket> {
    const state = { hasEnded: false };
    void machine.ended.then(() => (state.hasEnded = true));
    let complaint = "";
    const note = (bytes: Buffer): void =>
        void (complaint = (complaint + bytes.toString("utf8")).slice(-1000));
    machine.stderr.on("data", note);
    try {
        for (const start = performance.now(); performance.now() - start < OPEN_LIMIT;) {
            const socket = await tryToConnect(file);
            if (socket) return socket;
            if (state.hasEnded)
                throw new EdgeError(`QEMU could not be started: ${complaint.trim() || "it said nothing"}`);
            await new Promise((resolve) => setTimeout(resolve, OPEN_INTERVAL));
        }
        throw new EdgeError(`QEMU does not open its serial line: ${complaint.trim() || "it said nothing"}`);
    } finally {
        machine.stderr.off("data", note);
    }
}

function tryToConnect(file: string): Promise<net.Socket | undefined> {
    return new Promise((resolve) => {
        const socket = net.connect(file);
        socket.once("connect", () => {
            // A machine that ends closes its line: that is seen by its end.
            socket.on("error", () => undefined);
            resolve(socket);
        });
        socket.once("error", () => resolve(undefined));
    });
}

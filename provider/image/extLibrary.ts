import type * as BalenaImageFs from "balena-image-fs";

const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/**
 * balena-image-fs, without the listeners that its WebAssembly module adds to the process: they throw whatever they are told,
 * which would end the provider in the middle of other resources' work.
 */
export function balenaImageFs(): typeof BalenaImageFs {
    const before = EVENTS.map((event) => process.rawListeners(event));
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import is carried out before any other line
    const library = require("balena-image-fs") as typeof BalenaImageFs;
    EVENTS.forEach((event, i) => {
        for (const listener of process.rawListeners(event)) {
            if (!before[i]?.includes(listener)) process.off(event, listener as () => void);
        }
    });
    return library;
}

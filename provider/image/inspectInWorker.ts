import * as path from "node:path";
import { Worker } from "node:worker_threads";
import { ImageError } from "./check";
import { childEnvironment } from "./decoders/tools";
import type { InspectLimits, Inspection, Progress } from "./inspection";
import type { WorkerMessage, WorkerTask } from "./worker";

export interface InspectOptions extends InspectLimits {
    signal?: AbortSignal;
    onProgress?: (progress: Progress) => void;
    /** Milliseconds without any progress after which the file is given up as hostile. Default 60,000. */
    stallLimit?: number;
}

/** Of the thread's JavaScript heap; buffers are bounded by the readers themselves. */
const HEAP_MEGABYTES = 512;

/**
 * Inspects an image in a thread of its own: a file made to hang or to exhaust its reader ends that thread, not
 * the process, which holds credentials and serves every other resource.
 */
export async function inspectInWorker(file: string, options: InspectOptions = {}): Promise<Inspection> {
    const { signal, onProgress, stallLimit = 60_000, ...limits } = options;
    signal?.throwIfAborted();
    const worker = startWorker({ file, limits });
    let timer: NodeJS.Timeout | undefined;
    try {
        return await new Promise<Inspection>((resolve, reject) => {
            const restartTimer = (): void => {
                clearTimeout(timer);
                timer = setTimeout(() => {
                    reject(
                        new ImageError(
                            `reading it made no progress for ${Math.round(stallLimit / 1000)} s: the image is damaged, or its disk does not answer`,
                        ),
                    );
                }, stallLimit);
            };
            restartTimer();
            signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
            worker.on("message", (message: WorkerMessage) => {
                restartTimer();
                if (message.kind === "progress") onProgress?.(message.progress);
                else if (message.kind === "done") resolve(message.inspection);
                else reject(asError(message));
            });
            worker.once("error", (error: NodeJS.ErrnoException) => reject(ended(error)));
            worker.once("exit", () =>
                reject(new ImageError("the thread that read it ended without an answer")),
            );
        });
    } finally {
        clearTimeout(timer);
        await worker.terminate();
    }
}

function startWorker(workerData: WorkerTask): Worker {
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_MEGABYTES };
    // Credentials stay out of the thread and of the programs it starts.
    const env = childEnvironment();
    const extension = path.extname(__filename);
    const entry = path.join(__dirname, `worker${extension}`);
    if (extension === ".js") return new Worker(entry, { workerData, resourceLimits, env });
    // Run from its sources, as the tests do, a thread needs the compiler registered again.
    const script = `require("ts-node/register/transpile-only"); require(${JSON.stringify(entry)});`;
    return new Worker(script, { eval: true, workerData, resourceLimits, env });
}

function asError(message: Extract<WorkerMessage, { kind: "error" }>): Error {
    return new ImageError(message.isKnown ? message.message : `could not be read: ${message.message}`);
}

function ended(error: NodeJS.ErrnoException): ImageError {
    return new ImageError(
        error.code === "ERR_WORKER_OUT_OF_MEMORY"
            ? "reading it took more memory than it may: the image is damaged"
            : `reading it failed: ${error.message}`,
    );
}

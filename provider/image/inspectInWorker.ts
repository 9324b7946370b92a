import * as path from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { ImageError } from "./check";
import { childEnvironment } from "../process/tools";
import type { InspectLimits, Inspection, Progress } from "./inspection";
import type { SourceDescription } from "./source/portSource";
import type { ReadOnOptions } from "./source/readOn";
import { serveSource, type Service } from "./source/serveSource";
import type { ImageSource } from "./source/source";
import type { WorkerMessage, WorkerTask } from "./worker";

export interface InspectOptions extends InspectLimits {
    signal?: AbortSignal;
    onProgress?: (progress: Progress) => void;
    /** `InspectTask.planned` */
    planned?: string;
    /** Milliseconds without any progress after which the file is given up as hostile. Default 60,000. */
    stallLimit?: number;
}

/** A source that this thread reads for the other one. */
export interface ServedSource {
    source: ImageSource;
    reading: Omit<ReadOnOptions, "signal">;
}

/** Of the thread's JavaScript heap; buffers are bounded by the readers themselves. */
const HEAP_MEGABYTES = 512;

/**
 * Inspects an image in a thread of its own: one made to hang or to exhaust its reader ends that thread, not the
 * process, which holds credentials and serves every other resource. A file the thread opens itself; the bytes of any
 * other source it is handed, so it needs no network.
 */
export async function inspectInWorker(
    from: string | ServedSource,
    options: InspectOptions = {},
): Promise<Inspection> {
    const { signal, onProgress, stallLimit = 60_000, planned, ...limits } = options;
    signal?.throwIfAborted();
    const task = { limits, ...(planned === undefined ? {} : { planned }) };
    let service: Service | undefined;
    let worker: Worker | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
        return await new Promise<Inspection>((resolve, reject) => {
            if (typeof from === "string") worker = startWorker({ ...task, source: { file: from } });
            else {
                const { port1, port2 } = new MessageChannel();
                service = serveSource(from.source, port1, { ...from.reading, signal }, reject);
                worker = startWorker({
                    ...task,
                    source: { description: describe(from.source), port: port2 },
                });
            }
            const restartTimer = (): void => {
                clearTimeout(timer);
                timer = setTimeout(() => {
                    // The source has a limit of its own for how long it may bring nothing.
                    if (service?.isOwing()) restartTimer();
                    else reject(stalled(stallLimit));
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
        service?.close();
        await worker?.terminate();
    }
}

function describe({ name, fileName, size, identity, takesRanges }: ImageSource): SourceDescription {
    return { name, fileName, size, identity, takesRanges };
}

function stalled(limit: number): ImageError {
    return new ImageError(
        `reading it made no progress for ${Math.round(limit / 1000)} s: the image is damaged, or its disk does not answer`,
    );
}

function startWorker(workerData: WorkerTask): Worker {
    const transferList = "port" in workerData.source ? [workerData.source.port] : [];
    // Credentials stay out of the thread and of the programs it starts.
    const options = {
        workerData,
        transferList,
        resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
        env: childEnvironment(),
    };
    const extension = path.extname(__filename);
    const entry = path.join(__dirname, `worker${extension}`);
    if (extension === ".js") return new Worker(entry, options);
    // Run from its sources, as the tests do, a thread needs the compiler registered again.
    const script = `require("ts-node/register/transpile-only"); require(${JSON.stringify(entry)});`;
    return new Worker(script, { ...options, eval: true });
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

import * as path from "node:path";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { ImageError } from "./check";
import { childEnvironment } from "../process/tools";
import type { SourceDescription } from "./source/portSource";
import type { ReadOnOptions } from "./source/readOn";
import { serveSource, type Service } from "./source/serveSource";
import type { ImageSource } from "./source/source";

/** A source that this thread reads for the other one. */
export interface ServedSource {
    source: ImageSource;
    reading: Omit<ReadOnOptions, "signal">;
}

/** What lies on this machine the thread opens itself; the bytes of any other source it is handed. */
export type ThreadSource = { file: string } | { description: SourceDescription; port: MessagePort };

/** What the thread is told. */
export interface ThreadData<Task> {
    task: Task;
    sources: ThreadSource[];
}

/** What it answers: any number of progress messages, then one of the others. */
export type ThreadMessage<Answer, Progress> =
    | { kind: "progress"; progress: Progress }
    | { kind: "done"; answer: Answer }
    | { kind: "error"; message: string; isKnown: boolean };

export interface ReadingThread<Task> {
    /** Module that runs in it (`serveThread`): full path, without its extension. */
    entry: string;
    task: Task;
    sources: readonly (string | ServedSource)[];
    /** Of its JavaScript heap; buffers are bounded by the readers themselves. */
    heapMegabytes: number;
}

export interface ThreadOptions<Progress> {
    signal?: AbortSignal | undefined;
    onProgress?: ((progress: Progress) => void) | undefined;
    /** Milliseconds without any progress after which what is read is given up as hostile. Default 60,000. */
    stallLimit?: number | undefined;
}

/**
 * Reads in a thread of its own what others have made: something made to hang or to exhaust its reader ends that
 * thread, not the process, which holds credentials and serves every other resource.
 */
export async function readInThread<Task, Answer, Progress>(
    { entry, task, sources, heapMegabytes }: ReadingThread<Task>,
    { signal, onProgress, stallLimit = 60_000 }: ThreadOptions<Progress>,
): Promise<Answer> {
    signal?.throwIfAborted();
    const services: Service[] = [];
    let worker: Worker | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
        return await new Promise<Answer>((resolve, reject) => {
            const handed = sources.map((source): ThreadSource => {
                if (typeof source === "string") return { file: source };
                const { port1, port2 } = new MessageChannel();
                services.push(serveSource(source.source, port1, { ...source.reading, signal }, reject));
                return { description: describe(source.source), port: port2 };
            });
            worker = startWorker(entry, { task, sources: handed }, heapMegabytes);
            const restartTimer = (): void => {
                clearTimeout(timer);
                timer = setTimeout(() => {
                    // The source has a limit of its own for how long it may bring nothing.
                    if (services.some((service) => service.isOwing())) restartTimer();
                    else reject(stalled(stallLimit));
                }, stallLimit);
            };
            restartTimer();
            signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
            worker.on("message", (message: ThreadMessage<Answer, Progress>) => {
                restartTimer();
                if (message.kind === "progress") onProgress?.(message.progress);
                else if (message.kind === "done") resolve(message.answer);
                else reject(asError(message));
            });
            worker.once("error", (error: NodeJS.ErrnoException) => reject(ended(error)));
            worker.once("exit", () =>
                reject(new ImageError("the thread that read it ended without an answer")),
            );
        });
    } finally {
        clearTimeout(timer);
        for (const service of services) service.close();
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

function startWorker(entry: string, workerData: ThreadData<unknown>, heapMegabytes: number): Worker {
    const transferList = workerData.sources.flatMap((source) => ("port" in source ? [source.port] : []));
    // Credentials stay out of the thread and of the programs it starts.
    const options = {
        workerData,
        transferList,
        resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
        env: childEnvironment(),
    };
    const extension = path.extname(__filename);
    const file = `${entry}${extension}`;
    if (extension === ".js") return new Worker(file, options);
    // Run from its sources, as the tests do, a thread needs the compiler registered again.
    const script = `require("ts-node/register/transpile-only"); require(${JSON.stringify(file)});`;
    return new Worker(script, { ...options, eval: true });
}

function asError(message: { message: string; isKnown: boolean }): Error {
    return new ImageError(message.isKnown ? message.message : `could not be read: ${message.message}`);
}

function ended(error: NodeJS.ErrnoException): ImageError {
    return new ImageError(
        error.code === "ERR_WORKER_OUT_OF_MEMORY"
            ? "reading it took more memory than it may: the image is damaged"
            : `reading it failed: ${error.message}`,
    );
}

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ImageError } from "./check";
import { inspectSource, type InspectTask } from "./inspect";
import type { Inspection, Progress } from "./inspection";
import { FileSource } from "./source/file";
import { PortSource, type SourceDescription } from "./source/portSource";

/** What the thread is told; only what lies on this machine it opens itself. */
export interface WorkerTask extends InspectTask {
    source: { file: string } | { description: SourceDescription; port: MessagePort };
}

/** What it answers: any number of progress messages, then one of the others. */
export type WorkerMessage =
    | { kind: "progress"; progress: Progress }
    | { kind: "done"; inspection: Inspection }
    | { kind: "error"; message: string; isKnown: boolean };

const PROGRESS_INTERVAL = 200;

async function run(task: WorkerTask, post: (message: WorkerMessage) => void): Promise<void> {
    let last = 0;
    try {
        const { source } = task;
        const opened =
            "file" in source
                ? await FileSource.open(source.file)
                : new PortSource(source.description, source.port);
        const inspection = await inspectSource(opened, task, (progress) => {
            const now = Date.now();
            if (now - last < PROGRESS_INTERVAL && progress.done !== progress.total) return;
            last = now;
            post({ kind: "progress", progress });
        });
        post({ kind: "done", inspection });
    } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        post({ kind: "error", message, isKnown: error instanceof ImageError });
    }
}

if (parentPort) {
    const port = parentPort;
    void run(workerData as WorkerTask, (message) => port.postMessage(message));
}

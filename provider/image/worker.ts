import { parentPort, workerData } from "node:worker_threads";
import { ImageError } from "./check";
import { inspectImage } from "./inspect";
import type { InspectLimits, Inspection, Progress } from "./inspection";

/** What the thread is told. */
export interface WorkerTask {
    file: string;
    limits: InspectLimits;
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
        const inspection = await inspectImage(task.file, task.limits, (progress) => {
            const now = Date.now();
            if (now - last < PROGRESS_INTERVAL && progress.done < progress.total) return;
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

import { parentPort, workerData } from "node:worker_threads";
import { ImageError } from "./check";
import type { ThreadData, ThreadMessage, ThreadSource } from "./readingThread";

/** What a thread is told, what it tells on its way, and what it answers. */
interface Conversation {
    task: unknown;
    progress: unknown;
    answer: unknown;
}

/** The other side of `readInThread`: what the thread's module runs. In the main thread it does nothing. */
export function serveThread<C extends Conversation>(
    work: (
        task: C["task"],
        sources: readonly ThreadSource[],
        tell: (progress: C["progress"]) => void,
    ) => Promise<C["answer"]>,
): void {
    if (!parentPort) return;
    const port = parentPort;
    const post = (message: ThreadMessage<C["answer"], C["progress"]>): void => port.postMessage(message);
    const { task, sources } = workerData as ThreadData<C["task"]>;
    work(task, sources, (progress) => post({ kind: "progress", progress })).then(
        (answer) => post({ kind: "done", answer }),
        (error: unknown) => {
            const message = error instanceof Error ? error.message : String(error);
            post({ kind: "error", message, isKnown: error instanceof ImageError });
        },
    );
}

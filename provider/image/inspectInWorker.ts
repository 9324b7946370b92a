import * as path from "node:path";
import type { InspectTask } from "./inspect";
import type { InspectLimits, Inspection, Progress } from "./inspection";
import { readInThread, type ServedSource, type ThreadOptions } from "./readingThread";

export type { ServedSource };

export interface InspectOptions extends InspectLimits, ThreadOptions<Progress> {
    /** `InspectTask.planned` */
    planned?: string;
}

const HEAP_MEGABYTES = 512;

/**
 * Inspects an image in a thread of its own. A file the thread opens itself; the bytes of any other source it is
 * handed, so it needs no network.
 */
export async function inspectInWorker(
    from: string | ServedSource,
    options: InspectOptions = {},
): Promise<Inspection> {
    const { signal, onProgress, stallLimit, planned, ...limits } = options;
    const task: InspectTask = { limits, ...(planned === undefined ? {} : { planned }) };
    const thread = {
        ...{ entry: path.join(__dirname, "worker"), task, sources: [from] },
        heapMegabytes: HEAP_MEGABYTES,
    };
    return readInThread(thread, { signal, onProgress, stallLimit });
}

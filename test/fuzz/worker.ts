import { parentPort, workerData } from "node:worker_threads";
import { ImageDamage, ImageError } from "../../provider/image/check";
import { Random } from "./random";
import { TARGETS } from "./targets";

/** Cases of one target, by their numbers. */
export interface FuzzTask {
    target: string;
    seed: number;
    first: number;
    /** So many cases, or as many as fit into the milliseconds. */
    cases: number;
    milliseconds: number;
    /** The number of the case under way, for whoever finds that it does not end. */
    current: Int32Array;
}

export interface FuzzResult {
    cases: number;
    /** How many were refused as damaged, and how many were read to a verdict. */
    refused: number;
    failure?: { index: number; message: string; input: Buffer };
}

/** Longer than any sound reading of such small inputs takes, on a busy machine too. */
const SLOW = 5000;

async function fuzz(task: FuzzTask): Promise<FuzzResult> {
    const target = TARGETS.find((each) => each.target.name === task.target)?.target;
    if (!target) throw new Error(`no target ${task.target}`);
    await target.prepare?.();
    const end = performance.now() + task.milliseconds;
    let refused = 0;
    let index = task.first;
    for (; index < task.first + task.cases && performance.now() < end; index++) {
        Atomics.store(task.current, 0, index);
        const input = target.build(new Random(task.seed, index));
        const startedAt = performance.now();
        try {
            await target.run(Buffer.from(input));
        } catch (error) {
            if (!(error instanceof ImageDamage || error instanceof ImageError)) {
                const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
                return { cases: index - task.first, refused, failure: { index, message, input } };
            }
            refused++;
        }
        const took = performance.now() - startedAt;
        if (took > SLOW) {
            const message = `took ${Math.round(took)} ms`;
            return { cases: index - task.first, refused, failure: { index, message, input } };
        }
    }
    return { cases: index - task.first, refused };
}

void fuzz(workerData as FuzzTask).then((result) => parentPort?.postMessage(result));

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { needsTool } from "../support/tools";
import { Random } from "./random";
import { TARGETS } from "./targets";
import type { FuzzResult, FuzzTask } from "./worker";

const FOREVER = 2 ** 31 - 1;
const MEBIBYTE = 2 ** 20;
/** A case that goes on for this long never ends. */
const HANGS = 20_000;
/** Of the thread's objects; buffers come on top and are seen in the size of the process. */
const HEAP_MEGABYTES = 512;

/** `EDGE_OS_FUZZ_SEED=20261121` cases of that seed, `20261121:4711` that one; else those of today. */
function seedOf(text = process.env.EDGE_OS_FUZZ_SEED): { seed: number; only?: number } {
    if (!text) return { seed: Number(new Date().toISOString().slice(0, 10).replaceAll("-", "")) };
    const [, seed, only] = /^(\d{1,9})(?::(\d+))?$/.exec(text) ?? [];
    if (seed === undefined) throw new Error("EDGE_OS_FUZZ_SEED must be a number, or number:case");
    return { seed: Number(seed), ...(only === undefined ? {} : { only: Number(only) }) };
}

describe("readers of images, given what nobody would write", function () {
    this.timeout(600_000);
    const { seed, only } = seedOf();
    /** More time than the few seconds of every run: `EDGE_OS_FUZZ_SECONDS=600`. */
    const longer = Number(process.env.EDGE_OS_FUZZ_SECONDS ?? 0);

    before(function () {
        for (const program of ["xz", "bzip2", "zstd"]) needsTool(this, program);
        console.log(`      seed ${seed}${only === undefined ? "" : `, case ${only}`} (EDGE_OS_FUZZ_SEED)`);
    });

    for (const { target, cases, seconds } of TARGETS) {
        it(`${target.name}: a verdict or a clear error, in time and in bounds`, async function () {
            const byTime = longer > 0 || cases === undefined;
            const before = process.memoryUsage().rss;
            const result = await inThread({
                ...{ target: target.name, seed, first: only ?? 0 },
                cases: only !== undefined ? 1 : byTime ? FOREVER : cases,
                milliseconds: byTime ? (longer || (seconds ?? 0)) * 1000 : FOREVER,
            });
            if (result.failure) throw new Error(described(target.name, seed, result.failure));
            if (this.test) this.test.title += ` (${result.cases} cases, ${result.refused} of them refused)`;
            // Cases that are all refused, or none, would be cases of nothing.
            if (only === undefined) expect(result.refused / result.cases).to.be.within(0, 0.97);
            // What the tests before it have taken is not the reader's.
            expect((process.memoryUsage().rss - before) / MEBIBYTE).to.be.lessThan(1024);
        });
    }
});

async function inThread(task: Omit<FuzzTask, "current">): Promise<FuzzResult> {
    const current = new Int32Array(new SharedArrayBuffer(4));
    const script = `require("ts-node/register/transpile-only"); require(${JSON.stringify(path.join(__dirname, "worker"))});`;
    const worker = new Worker(script, {
        eval: true,
        workerData: { ...task, current } satisfies FuzzTask,
        resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
    });
    let timer: NodeJS.Timeout | undefined;
    try {
        return await new Promise<FuzzResult>((resolve, reject) => {
            let last = -1;
            let since = performance.now();
            timer = setInterval(() => {
                const index = Atomics.load(current, 0);
                if (index !== last) [last, since] = [index, performance.now()];
                else if (performance.now() - since > HANGS) resolve(stuckAt(index, task, "does not end"));
            }, 500);
            worker.once("message", resolve);
            worker.once("error", (error: NodeJS.ErrnoException) => {
                if (error.code === "ERR_WORKER_OUT_OF_MEMORY") {
                    resolve(stuckAt(Atomics.load(current, 0), task, "takes too much memory"));
                } else reject(error);
            });
        });
    } finally {
        clearInterval(timer);
        await worker.terminate();
    }
}

/** The case is made again here: the thread that holds it gives no answer. */
async function stuckAt(
    index: number,
    { target, seed, first }: Omit<FuzzTask, "current">,
    message: string,
): Promise<FuzzResult> {
    const found = TARGETS.find((each) => each.target.name === target)?.target;
    await found?.prepare?.();
    const input = found?.build(new Random(seed, index)) ?? Buffer.alloc(0);
    return { cases: index - first, refused: 0, failure: { index, message, input } };
}

function described(
    target: string,
    seed: number,
    { index, message, input }: NonNullable<FuzzResult["failure"]>,
): string {
    const file = path.join(os.tmpdir(), `edge-os-fuzz-${target}-${seed}-${index}.bin`);
    fs.writeFileSync(file, input);
    const again = `EDGE_OS_FUZZ_SEED=${seed}:${index} npx mocha --spec test/fuzz/fuzz.test.ts -g ${target}`;
    return `case ${index} of seed ${seed}: ${message}\n  input: ${file}\n  again: ${again}`;
}

import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { buildQuickstartImage } from "../../examples/quickstart/image";
import { isError } from "../../provider/image/check";
import type * as inspection from "../../provider/image/inspectInWorker";
import { median, report } from "../support/bench";
import { enlarge } from "../support/largeImage";

const SIZE = 2 * 2 ** 30;
const ROUNDS = 5;
const TARGET = 0.9;
const CHUNK = 1024 * 1024;

// As built: from its sources, the reading thread would first compile them.
const { inspectInWorker } = createRequire(__filename)(
    "../../dist/provider/image/inspectInWorker.js",
) as typeof inspection;

/** Verifying a raw.gz, beside what nobody can do without: its two digests and unpacking it. */
async function main(): Promise<void> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-bench-"));
    try {
        const image = await packedImage(folder);
        await inspectInWorker(image, { spoolDirectory: folder });
        const pairs = [];
        for (let round = 0; round < ROUNDS; round++) {
            const baseline = await timed(() => digests(image));
            pairs.push({ baseline, ours: await timed(() => verify(image, folder)) });
        }
        const ratio = median(pairs.map(({ ours, baseline }) => baseline / ours));
        const ours = median(pairs.map((pair) => pair.ours));
        const baseline = median(pairs.map((pair) => pair.baseline));
        report({
            name: "verify-raw-gz",
            value: SIZE / 1e6 / ours,
            unit: "MB/s of the disk",
            baseline: `${Math.round(SIZE / 1e6 / baseline)} MB/s: both digests and gunzip alone`,
            ratio,
            target: `>= ${TARGET} x the baseline, median of ${ROUNDS} interleaved pairs`,
            ok: ratio >= TARGET,
        });
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

async function packedImage(folder: string): Promise<string> {
    const raw = await buildQuickstartImage(path.join(folder, "disk.raw"));
    enlarge(raw, SIZE, 0.25);
    const packed = path.join(folder, "disk.raw.gz");
    await pipeline(
        fs.createReadStream(raw, { highWaterMark: CHUNK }),
        zlib.createGzip({ level: 1, chunkSize: CHUNK }),
        fs.createWriteStream(packed),
    );
    return packed;
}

async function verify(image: string, spoolDirectory: string): Promise<void> {
    const { checks } = await inspectInWorker(image, { spoolDirectory });
    const failed = checks.filter(isError);
    if (failed.length > 0) throw new Error(JSON.stringify(failed));
}

async function digests(image: string): Promise<void> {
    const outer = crypto.createHash("sha256");
    const inner = crypto.createHash("sha256");
    const gunzip = zlib.createGunzip({ chunkSize: CHUNK });
    gunzip.on("data", (chunk: Buffer) => inner.update(chunk));
    await pipeline(
        fs.createReadStream(image, { highWaterMark: CHUNK }),
        async function* (source: AsyncIterable<Buffer>) {
            for await (const chunk of source) {
                outer.update(chunk);
                yield chunk;
            }
        },
        gunzip,
    );
    outer.digest("hex");
    inner.digest("hex");
}

async function timed(work: () => Promise<void>): Promise<number> {
    const start = performance.now();
    await work();
    return (performance.now() - start) / 1000;
}

void main();

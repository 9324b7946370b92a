import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { inputHash } from "../../provider/canvos/inputHash";
import { ResultCache } from "../../provider/image/cache";
import { addBytes } from "../../provider/process/treeDigest";
import { median, report } from "../support/bench";

const SIZE = 2 * 2 ** 30;
const ROUNDS = 20;
const TARGET = 200;

/** The digest of a build's unchanged inputs with 2 GiB of firmware, beside hashing that file. */
async function main(): Promise<void> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-bench-"));
    try {
        const firmware = path.join(folder, "bundle.bfb");
        fs.writeFileSync(firmware, "firmware");
        fs.truncateSync(firmware, SIZE);
        // The cache does not keep what was read of a file changed a moment before.
        fs.utimesSync(firmware, 1, 1);
        await new Promise((resolve) => setTimeout(resolve, 500));
        const hashing = await timed(() => addBytes(crypto.createHash("sha256"), firmware));
        const digest = (): Promise<string> => digestOf(firmware, folder);
        const first = await digest();
        const times = [];
        for (let round = 0; round < ROUNDS; round++) {
            times.push(
                await timed(async () => {
                    if ((await digest()) !== first)
                        throw new Error("the digest of the same inputs is another");
                }),
            );
        }
        const value = median(times);
        report({
            name: "appliance-inputs",
            value,
            unit: "ms for the digest of unchanged inputs of 2 GiB",
            baseline: `${Math.round(hashing)} ms: hashing the file`,
            ratio: value / hashing,
            target: `< ${TARGET} ms`,
            ok: value < TARGET,
        });
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

/** As each run has it: only the cache on disk is shared. */
async function digestOf(firmware: string, folder: string): Promise<string> {
    const inputs = { commit: "0".repeat(40), variables: {}, targets: ["iso"], texts: {}, digests: {} };
    const cache = new ResultCache(path.join(folder, "cache"));
    return inputHash({ ...inputs, files: { "edge-appliance/bundle.bfb": firmware } }, cache);
}

async function timed(run: () => Promise<void>): Promise<number> {
    const begun = performance.now();
    await run();
    return performance.now() - begun;
}

void main();

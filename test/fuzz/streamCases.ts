import { spawnSync } from "node:child_process";
import * as zlib from "node:zlib";
import { decompress, detectCompression } from "../../provider/image/compression";
import { resize, scramble } from "./mutate";
import type { FuzzTarget } from "./target";

const CONTENT = Buffer.from(Array.from({ length: 6000 }, (_, i) => (i * i) >> 5));
const ALLOWED = 64 * 1024;

const BOMB = Buffer.alloc(4_000_000);

const PACKED: readonly Buffer[] = [
    zlib.gzipSync(CONTENT),
    Buffer.concat([zlib.gzipSync(CONTENT.subarray(0, 100)), zlib.gzipSync(CONTENT)]),
    zlib.gzipSync(BOMB),
    ...["xz", "bzip2", "zstd"].flatMap((program) => [CONTENT, BOMB].map((bytes) => packedBy(program, bytes))),
];

function packedBy(program: string, input: Buffer): Buffer {
    const { stdout, error } = spawnSync(program, ["-1", "-c", "-q"], { input });
    if (error) throw error;
    return stdout;
}

/** Packed streams that are damaged, go on behind their end, or unpack to more than may be. */
export const streamTarget: FuzzTarget = {
    name: "stream",
    build(random) {
        const packed = Buffer.from(random.pick(PACKED));
        for (let n = random.int(4); n > 0; n--) scramble(packed, random);
        return resize(packed, random);
    },
    async run(bytes) {
        const compression = detectCompression(bytes);
        if (compression === "none") return;
        let given = 0;
        let unpacked = 0;
        const source = {
            next: () => Promise.resolve(given++ === 0 ? bytes : undefined),
        };
        await decompress(source, compression, { maxBytes: ALLOWED, tools: false }, (chunk) => {
            unpacked += chunk.length;
        });
        if (unpacked > ALLOWED) throw new Error(`${unpacked} bytes were passed on, ${ALLOWED} are allowed`);
    },
};

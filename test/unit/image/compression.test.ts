import * as crypto from "node:crypto";
import * as zlib from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { ImageDamage, ImageError } from "../../../provider/image/check";
import { type Compression, decompress, detectCompression } from "../../../provider/image/compression";
import { ZstdFrames } from "../../../provider/image/zstdFrames";
import { MIB, oracle } from "./fixtures";

type Packed = Exclude<Compression, "none">;

/** Zeros, text and noise, as in a disk image; larger than any decoder's window of input. */
const CONTENT = Buffer.concat([
    Buffer.alloc(3 * MIB),
    Buffer.from("all the edge hosts\n".repeat(20_000)),
    crypto.createHash("sha256").update("noise").digest(),
    Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 24)),
    Buffer.alloc(2 * MIB + 77),
]);

const PROGRAMS: Readonly<Record<Packed, readonly [program: string, ...args: string[]]>> = {
    gz: ["gzip", "-nc"],
    xz: ["xz", "-1c"],
    bz2: ["bzip2", "-1c"],
    zst: ["zstd", "-qc"],
};

const packed = new Map<string, Buffer>();

function pack(test: Mocha.Context, compression: Packed, content = CONTENT): Buffer {
    const key = `${compression} ${content.length}`;
    let bytes = packed.get(key);
    if (!bytes) {
        const [program, ...args] = PROGRAMS[compression];
        bytes =
            compression === "gz"
                ? zlib.gzipSync(content, { level: 1 })
                : oracle(test, program, args, content);
        packed.set(key, bytes);
    }
    return bytes;
}

async function unpack(
    bytes: Buffer,
    compression: Packed,
    { maxBytes = 100 * MIB, tools = true, piece = 64 * 1024 } = {},
): Promise<Buffer> {
    let at = 0;
    const source = {
        async next() {
            if (at >= bytes.length) return undefined;
            at += piece;
            return bytes.subarray(at - piece, at);
        },
    };
    const chunks: Buffer[] = [];
    await decompress(
        source,
        compression,
        { maxBytes, tools },
        (chunk) => void chunks.push(Buffer.from(chunk)),
    );
    return Buffer.concat(chunks);
}

async function failure(work: Promise<unknown>): Promise<Error> {
    return work.then(
        () => {
            throw new Error("did not fail");
        },
        (error: unknown) => error as Error,
    );
}

describe("decompression", () => {
    it("keeps no later xz stream waiting when it is given up half-way", async function () {
        const bytes = pack(this, "xz");
        const failure = await unpack(bytes, "xz", { tools: false, maxBytes: MIB }).catch(
            (error: unknown) => error,
        );
        expect(failure).to.be.instanceOf(ImageError);
        expect((await unpack(bytes, "xz", { tools: false })).equals(CONTENT)).to.equal(true);
    });

    for (const compression of ["gz", "xz", "bz2", "zst"] as const) {
        for (const tools of compression === "gz" ? [true] : [true, false]) {
            describe(`of ${compression}${tools ? "" : ", without programs of the machine"}`, () => {
                it("gives back the bytes", async function () {
                    const bytes = pack(this, compression);
                    expect(detectCompression(bytes)).to.equal(compression);
                    expect((await unpack(bytes, compression, { tools })).equals(CONTENT)).to.equal(true);
                });

                it("reads several streams in one file, in small pieces", async function () {
                    const content = Buffer.from("edge\n".repeat(100));
                    const bytes = pack(this, compression, content);
                    const twice = await unpack(Buffer.concat([bytes, bytes]), compression, {
                        tools,
                        piece: 7,
                    });
                    expect(twice.equals(Buffer.concat([content, content]))).to.equal(true);
                });

                it("finds a stream that is cut off, wherever", async function () {
                    const bytes = pack(this, compression);
                    for (const length of [
                        10,
                        Math.floor(bytes.length / 2),
                        bytes.length - 9,
                        bytes.length - 1,
                    ]) {
                        const error = await failure(
                            unpack(bytes.subarray(0, length), compression, { tools }),
                        );
                        expect(error, `${length} of ${bytes.length}: ${error.message}`).to.be.instanceOf(
                            ImageDamage,
                        );
                        if (tools) expect(error.message).to.match(/ is cut off before its end/);
                    }
                });

                for (const [what, tail] of [
                    ["text", Buffer.from("more")],
                    ["zeros", Buffer.alloc(511)],
                    ["a megabyte", Buffer.alloc(MIB, 7)],
                ] as const) {
                    it(`finds ${what} behind the end`, async function () {
                        const bytes = Buffer.concat([pack(this, compression), tail]);
                        const error = await failure(unpack(bytes, compression, { tools }));
                        expect(error, error.message).to.be.instanceOf(ImageDamage);
                    });
                }

                it("finds flipped bits", async function () {
                    const content = Buffer.from("the content of a small image ".repeat(400));
                    const bytes = pack(this, compression, content);
                    await fc.assert(
                        fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
                            const changed = Buffer.from(bytes);
                            const at = bit >> 3;
                            changed.writeUInt8(changed.readUInt8(at) ^ (1 << (bit & 7)), at);
                            const result = await unpack(changed, compression, { tools }).catch(
                                (error: unknown) => error,
                            );
                            if (result instanceof ImageDamage) return;
                            expect(Buffer.isBuffer(result), String(result)).to.equal(true);
                            // Every format has checksums; the JavaScript zstd decoder does not look at them.
                            if (compression !== "zst" || tools)
                                expect(content.equals(result as Buffer)).to.equal(true);
                        }),
                        { numRuns: tools && compression !== "gz" ? 15 : 60 },
                    );
                });

                it("stops at the cap, whatever a small file unpacks to", async function () {
                    const bytes = pack(this, compression, Buffer.alloc(64 * MIB));
                    expect(bytes.length).to.be.below(MIB);
                    const error = await failure(unpack(bytes, compression, { tools, maxBytes: MIB }));
                    expect(error).to.be.instanceOf(ImageError);
                    expect(error.message).to.contain("maxDiskBytes");
                });
            });
        }
    }

    it("knows none where there is none", () => {
        expect(detectCompression(Buffer.alloc(512))).to.equal("none");
        expect(detectCompression(Buffer.alloc(0))).to.equal("none");
    });

    it("hands on what the reader of a source throws", async () => {
        const broken = {
            async next(): Promise<Buffer> {
                throw new Error("disk gone");
            },
        };
        for (const compression of ["gz", "xz", "bz2", "zst"] as const) {
            for (const tools of [true, false]) {
                const error = await failure(
                    decompress(broken, compression, { maxBytes: MIB, tools }, () => undefined),
                );
                expect(error.message, compression).to.equal("disk gone");
            }
        }
    });

    it("refuses zstd windows that would take the memory of the machine", () => {
        const frame = Buffer.from("28b52ffd00f800000001000000", "hex");
        expect(() => new ZstdFrames().push(frame)).to.throw(ImageDamage, /window/);
    });
});

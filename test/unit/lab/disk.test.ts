import { spawnSync } from "node:child_process";
import * as zlib from "node:zlib";
import { expect } from "chai";
import * as fc from "fast-check";
import { bunzip2 } from "../../../lab/emf/bunzip2";
import {
    efiPartition,
    readPartitions,
    rootPartition,
    WrittenDisk,
    type Partition,
} from "../../../lab/emf/disk";
import { ESP, ROOT, tinyImage } from "./tinyImage";

function partitionsOf(image: Buffer, chunk = 4096): Partition[] {
    const disk = new WrittenDisk(1 << 30);
    for (let at = 0; at < image.length; at += chunk) {
        disk.write(image.subarray(at, at + chunk));
    }
    return disk.partitions();
}

describe("lab disk", () => {
    it("finds partitions, their file systems and labels", () => {
        const found = partitionsOf(tinyImage([{ ...ROOT, label: "cloudimg-rootfs" }, ESP]));
        expect(found).to.deep.equal([
            {
                number: 1,
                name: "root",
                isEfiSystem: false,
                startByte: 32768,
                fileSystem: "ext4",
                label: "cloudimg-rootfs",
            },
            { number: 2, name: "esp", isEfiSystem: true, startByte: 49152, fileSystem: "vfat", label: "" },
        ]);
    });

    it("sees the same however the bytes are cut", () => {
        const image = Buffer.concat([tinyImage(), Buffer.alloc(200_000)]);
        const whole = partitionsOf(image, image.length);
        fc.assert(
            fc.property(fc.integer({ min: 1, max: 90_000 }), (chunk) => {
                expect(partitionsOf(image, chunk)).to.deep.equal(whole);
            }),
            { numRuns: 30 },
        );
    });

    it("sees the same read at random and written in a row", async () => {
        const image = tinyImage();
        const read = (offset: number, length: number): Promise<Buffer> =>
            Promise.resolve(image.subarray(offset, offset + length));
        expect(await readPartitions(read)).to.deep.equal(partitionsOf(image));
    });

    for (const [what, offset] of [
        ["the signature of the protective MBR", 510],
        ["the protective partition type", 446 + 4],
        ["the header", 512 + 40],
        ["an entry", 2 * 512 + 60],
    ] as const) {
        it(`finds nothing when ${what} is damaged`, () => {
            const image = tinyImage();
            image[offset] = (image[offset] ?? 0) ^ 0x5a;
            expect(partitionsOf(image)).to.deep.equal([]);
        });
    }

    it("never fails on arbitrary bytes", () => {
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(3000), (noise, at) => {
                const image = tinyImage();
                image.set(noise.subarray(0, image.length - at), at);
                partitionsOf(image);
            }),
        );
    });

    it("takes a partition named rootfs before the first ext4, as the installer does", () => {
        const named = { type: "linux", name: "rootfs_a", fileSystem: "ext4" } as const;
        expect(rootPartition(partitionsOf(tinyImage([ROOT, named])))?.number).to.equal(2);
        expect(rootPartition(partitionsOf(tinyImage([ESP, ROOT])))?.number).to.equal(2);
        expect(rootPartition(partitionsOf(tinyImage([ESP])))).to.equal(undefined);
    });

    it("takes only a FAT for the EFI system partition", () => {
        expect(efiPartition(partitionsOf(tinyImage()))?.number).to.equal(2);
        expect(efiPartition(partitionsOf(tinyImage([{ type: "efi", fileSystem: "ext4" }])))).to.equal(
            undefined,
        );
    });

    it("is full at its end", () => {
        const disk = new WrittenDisk(1000);
        expect(disk.write(Buffer.alloc(1000))).to.equal(true);
        expect(disk.write(Buffer.alloc(1))).to.equal(false);
    });
});

describe("lab bunzip2", () => {
    async function unpack(packed: Buffer): Promise<Buffer> {
        const parts: Uint8Array[] = [];
        async function* source(): AsyncIterable<Uint8Array> {
            yield* [packed.subarray(0, 1000), packed.subarray(1000)];
        }
        for await (const part of bunzip2(source())) {
            parts.push(part);
        }
        return Buffer.concat(parts);
    }
    const pack = (data: Uint8Array): Buffer => spawnSync("bzip2", ["-c"], { input: data }).stdout;

    before(function () {
        if (spawnSync("bzip2", ["--help"]).error) {
            this.skip();
        }
    });

    it("gives back what bzip2 has packed", async () => {
        await fc.assert(
            fc.asyncProperty(
                fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 600 })), {
                    maxLength: 8,
                }),
                async (pieces) => {
                    const data = Buffer.concat(
                        pieces.flatMap(([piece, times]) => Array<Uint8Array>(times).fill(piece)),
                    );
                    expect((await unpack(pack(data))).equals(data)).to.equal(true);
                },
            ),
            { numRuns: 25 },
        );
    });

    it("goes over several blocks and streams", async () => {
        const data = Buffer.concat([
            Buffer.alloc(1_500_000, "edge"),
            zlib.deflateRawSync(Buffer.alloc(5000, 7)),
        ]);
        const packed = Buffer.concat([pack(data), pack(Buffer.from("second"))]);
        expect((await unpack(packed)).equals(Buffer.concat([data, Buffer.from("second")]))).to.equal(true);
    });

    it("tells a stream that ends early from a bad one", async () => {
        const packed = pack(Buffer.alloc(100_000, "abc"));
        const failureOf = (data: Buffer): Promise<unknown> =>
            unpack(data).then(
                () => undefined,
                (error: unknown) => error,
            );
        expect(await failureOf(packed.subarray(0, packed.length - 20))).to.include({ truncated: true });
        expect(await failureOf(Buffer.from("no bzip2 at all"))).to.include({ truncated: false });
    });
});

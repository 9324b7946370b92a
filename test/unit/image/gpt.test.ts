import * as fs from "node:fs";
import * as zlib from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { bufferDevice, type BlockDevice } from "../../../provider/image/blockDevice";
import { ImageDamage } from "../../../provider/image/check";
import { readGpt } from "../../../provider/image/gpt";
import { blankDisk, EFI, LINUX, oracle, temporaryFolder } from "./fixtures";

const DISK = 512 * 1024;
const SECTORS = DISK / 512;

async function failedIds(disk: Buffer): Promise<string[]> {
    const { checks } = await readGpt(bufferDevice(disk));
    return checks.filter(({ verdict }) => verdict === "failed").map(({ id }) => id);
}

/** Makes the CRCs of one copy of the table right again after a change to it. */
function seal(disk: Buffer, lba = 1): Buffer {
    const header = disk.subarray(lba * 512, lba * 512 + 512);
    const start = Number(header.readBigUInt64LE(72)) * 512;
    const length = header.readUInt32LE(80) * header.readUInt32LE(84);
    header.writeUInt32LE(zlib.crc32(disk.subarray(start, start + length)), 88);
    header.writeUInt32LE(0, 16);
    header.writeUInt32LE(zlib.crc32(header.subarray(0, 92)), 16);
    return disk;
}

describe("the GPT reader", () => {
    const folder = temporaryFolder();

    it("reads a table whole", async () => {
        const table = await readGpt(bufferDevice(blankDisk(DISK)));
        expect(table.checks.filter(({ verdict }) => verdict === "failed")).to.deep.equal([]);
        expect(table.sectorSize).to.equal(512);
        expect(
            table.partitions.map(({ index, type, name, offset, size }) => [index, type, name, offset, size]),
        ).to.deep.equal([
            [1, EFI, "UEFI", 64 * 512, 64 * 512],
            [2, LINUX, "rootfs", 128 * 512, 256 * 512],
        ]);
    });

    it("agrees with sgdisk on a table that sgdisk made", async function () {
        const file = folder.path("sgdisk.img");
        fs.writeFileSync(file, Buffer.alloc(4 * 1024 * 1024));
        oracle(this, "sgdisk", ["-n1:2048:4095", "-t1:ef00", "-c1:EFI", "-n9:4096:6143", "-c9:größe", file]);
        const table = await readGpt(bufferDevice(fs.readFileSync(file)));
        expect(table.checks.filter(({ verdict }) => verdict === "failed")).to.deep.equal([]);
        expect(
            table.partitions.map(({ index, firstLba, lastLba, name }) => [index, firstLba, lastLba, name]),
        ).to.deep.equal([
            [1, 2048, 4095, "EFI"],
            [9, 4096, 6143, "gr??e"],
        ]);
        expect(table.partitions[0]?.type).to.equal(EFI);
    });

    it("is agreed with by sgdisk on the table of the quickstart's writer", function () {
        const file = folder.path("written.img");
        fs.writeFileSync(file, blankDisk(DISK));
        expect(oracle(this, "sgdisk", ["-v", file]).toString()).to.contain("No problems found");
    });

    it("reads 4096-byte sectors", async () => {
        const small = blankDisk(DISK);
        const disk = Buffer.alloc(DISK * 8);
        for (const lba of [0, 1, SECTORS - 1]) small.copy(disk, lba * 4096, lba * 512, lba * 512 + 512);
        small.copy(disk, 2 * 4096, 1024, 1024 + 16384);
        small.copy(disk, (SECTORS - 33) * 4096, (SECTORS - 33) * 512, (SECTORS - 1) * 512);
        const table = await readGpt(bufferDevice(disk));
        expect(table.sectorSize).to.equal(4096);
        expect(table.checks.filter(({ verdict }) => verdict === "failed")).to.deep.equal([]);
        expect(table.partitions[0]?.offset).to.equal(64 * 4096);
    });

    it("finds a damaged header and goes on with the backup", async () => {
        const disk = blankDisk(DISK);
        disk.writeUInt8(disk.readUInt8(512 + 60) ^ 1, 512 + 60);
        expect(await failedIds(disk)).to.deep.equal(["gpt.header-crc"]);
        expect((await readGpt(bufferDevice(disk))).partitions).to.have.lengthOf(2);
    });

    it("finds damaged entries", async () => {
        const disk = blankDisk(DISK);
        disk.writeUInt8(9, 1024 + 40);
        expect(await failedIds(disk)).to.deep.equal(["gpt.entries-crc"]);
    });

    it("finds a missing protective MBR", async () => {
        const disk = blankDisk(DISK);
        disk.writeUInt8(0x83, 450);
        expect(await failedIds(disk)).to.deep.equal(["gpt.protective-mbr"]);
    });

    it("finds an image that was cut off, which sgdisk passes with exit code 0", async () => {
        const disk = blankDisk(DISK);
        expect(await failedIds(disk.subarray(0, DISK - 4096))).to.include("gpt.backup");
        const { checks } = await readGpt(bufferDevice(disk.subarray(0, DISK - 4096)));
        expect(checks.find(({ id }) => id === "gpt.backup")?.message).to.contain("names a larger disk");
    });

    it("finds an image that was enlarged, and says what helps", async () => {
        const disk = Buffer.concat([blankDisk(DISK), Buffer.alloc(4096)]);
        const { checks } = await readGpt(bufferDevice(disk));
        const check = checks.find(({ id }) => id === "gpt.backup");
        expect(check).to.include({ verdict: "failed", seen: "4096 bytes behind the backup header" });
        expect(check?.message).to.contain("sgdisk -e");
    });

    it("finds a damaged backup", async () => {
        const disk = blankDisk(DISK);
        disk.fill(0, DISK - 512);
        expect(await failedIds(disk)).to.deep.equal(["gpt.backup"]);
    });

    it("finds a backup that tells something else", async () => {
        const disk = blankDisk(DISK);
        const entries = (SECTORS - 33) * 512;
        disk.writeUInt8(0x41, entries + 56);
        expect(await failedIds(seal(disk, SECTORS - 1))).to.deep.equal(["gpt.backup"]);
    });

    it("finds overlapping partitions, also one inside another", async () => {
        const disk = blankDisk(DISK, [
            { index: 1, type: LINUX, name: "a", firstLba: 64, sectors: 500 },
            { index: 2, type: LINUX, name: "b", firstLba: 100, sectors: 10 },
            { index: 3, type: LINUX, name: "c", firstLba: 300, sectors: 10 },
        ]);
        expect(await failedIds(disk)).to.deep.equal(["gpt.overlap"]);
    });

    it("finds partitions outside the disk", async () => {
        const disk = blankDisk(DISK, [
            { index: 1, type: LINUX, name: "a", firstLba: 64, sectors: 1_000_000 },
        ]);
        expect(await failedIds(disk)).to.deep.equal(["gpt.bounds"]);
        expect((await readGpt(bufferDevice(disk))).partitions).to.deep.equal([]);
    });

    it("finds one GUID used twice", async () => {
        const disk = blankDisk(DISK);
        for (const [start, lba] of [
            [1024, 1],
            [(SECTORS - 33) * 512, SECTORS - 1],
        ] as const) {
            disk.copy(disk, start + 128 + 16, start + 16, start + 32);
            seal(disk, lba);
        }
        expect(await failedIds(disk)).to.deep.equal(["gpt.guids"]);
    });

    it("names what is there instead of a GPT", async () => {
        const mbr = Buffer.alloc(DISK);
        mbr.writeUInt16LE(0xaa55, 510);
        mbr.writeUInt8(0x83, 450);
        const seen = async (disk: Buffer): Promise<string | undefined> =>
            (await readGpt(bufferDevice(disk))).checks.find(({ verdict }) => verdict === "failed")?.seen;
        expect(await seen(mbr)).to.equal("MBR with types 83");
        expect(await seen(Buffer.alloc(DISK))).to.equal("no partition table");
        expect(await seen(Buffer.alloc(100))).to.equal("100 bytes");
    });

    for (const [what, offset, value] of [
        ["a million entries", 80, 1_000_000],
        ["no entries", 80, 0],
        ["entries of 4 GiB", 84, 0xffffffff],
        ["entries of 129 bytes", 84, 129],
        ["entries at the end of the world", 76, 0xffffffff],
    ] as const) {
        it(`refuses ${what} without reading them`, async () => {
            const disk = blankDisk(DISK);
            disk.writeUInt32LE(value, 512 + offset);
            disk.writeUInt32LE(0, 512 + 16);
            disk.writeUInt32LE(zlib.crc32(disk.subarray(512, 512 + 92)), 512 + 16);
            let largest = 0;
            const device: BlockDevice = {
                size: disk.length,
                read(at, length) {
                    largest = Math.max(largest, length);
                    return bufferDevice(disk).read(at, length);
                },
            };
            const { checks } = await readGpt(device);
            expect(checks.filter(({ verdict }) => verdict === "failed").map(({ id }) => id)).to.include(
                "gpt.entries-crc",
            );
            expect(largest).to.be.at.most(16384);
        });
    }

    it("gives a verdict on any damage, with true CRCs or without, and never reads beyond the end", async () => {
        const whole = blankDisk(64 * 1024);
        const change = fc.tuple(fc.integer({ min: 440, max: 1024 + 512 }), fc.integer({ min: 0, max: 255 }));
        await fc.assert(
            fc.asyncProperty(
                fc.array(change, { minLength: 1, maxLength: 12 }),
                fc.boolean(),
                fc.integer({ min: 0, max: 64 * 1024 }),
                async (changes, sealed, length) => {
                    const disk = Buffer.from(whole);
                    for (const [at, value] of changes) disk.writeUInt8(value, at);
                    if (sealed) {
                        const headerLength = Math.min(512, Math.max(92, disk.readUInt32LE(512 + 12)));
                        disk.writeUInt32LE(0, 512 + 16);
                        disk.writeUInt32LE(zlib.crc32(disk.subarray(512, 512 + headerLength)), 512 + 16);
                    }
                    const cut = length % 7 === 0 ? disk.subarray(0, length) : disk;
                    const table = await readGpt(bufferDevice(cut)).catch((error: unknown) => {
                        if (error instanceof ImageDamage) return undefined;
                        throw error;
                    });
                    for (const { offset, size } of table?.partitions ?? []) {
                        expect(offset + size).to.be.at.most(cut.length);
                    }
                },
            ),
            { numRuns: 2000 },
        );
    });
});

import * as zlib from "node:zlib";
import { bufferDevice } from "../../provider/image/blockDevice";
import { readGpt } from "../../provider/image/gpt";
import { type Field, resize, scramble, setField } from "./mutate";
import type { Random } from "./random";
import { assertChecks, type FuzzTarget } from "./target";

interface Shape {
    sectorSize: number;
    entryCount: number;
    entrySize: number;
}

const SHAPES: readonly Shape[] = [
    { sectorSize: 512, entryCount: 4, entrySize: 128 },
    { sectorSize: 512, entryCount: 8, entrySize: 256 },
    { sectorSize: 4096, entryCount: 4, entrySize: 128 },
];
const SECTORS = 24;

/** A sound disk, and the numbers in it. */
interface Model extends Shape {
    disk: Buffer;
    fields: Field[];
}

let models: readonly Model[] = [];

/** Small disks with a table, and what a header says changed; the checksums then match again in most of them. */
export const gptTarget: FuzzTarget = {
    name: "gpt",
    prepare() {
        models = SHAPES.map((shape) => ({ ...shape, disk: tableOf(shape), fields: headerFields(shape) }));
        return Promise.resolve();
    },
    build(random) {
        const { disk: sound, fields, ...shape } = random.pick(models);
        const disk = Buffer.from(sound);
        for (let n = 1 + random.int(4); n > 0; n--) {
            if (random.chance(70)) setField(disk, random.pick(fields), random);
            else scramble(disk, random);
        }
        if (random.chance(75)) repair(disk, shape, random);
        return resize(disk, random);
    },
    async run(bytes) {
        const { checks, partitions } = await readGpt(bufferDevice(bytes));
        assertChecks(checks);
        for (const { offset, size } of partitions) {
            if (!(offset > 0 && size > 0 && offset + size <= bytes.length)) {
                throw new Error(`a partition at ${offset}, ${size} bytes, of a disk of ${bytes.length}`);
            }
        }
    },
};

function tableOf({ sectorSize, entryCount, entrySize }: Shape): Buffer {
    const disk = Buffer.alloc(SECTORS * sectorSize);
    disk.write("00000200eeffffff01000000", 446, "hex");
    disk.writeUInt16LE(0xaa55, 510);
    const entrySectors = Math.ceil((entryCount * entrySize) / sectorSize);
    for (const [at, other, entriesAt] of [
        [1, SECTORS - 1, 2],
        [SECTORS - 1, 1, SECTORS - 1 - entrySectors],
    ] as const) {
        const header = disk.subarray(at * sectorSize);
        header.write("EFI PART\0\0\x01\0", "latin1");
        header.writeUInt32LE(92, 12);
        header.writeBigUInt64LE(BigInt(at), 24);
        header.writeBigUInt64LE(BigInt(other), 32);
        header.writeBigUInt64LE(BigInt(2 + entrySectors), 40);
        header.writeBigUInt64LE(BigInt(SECTORS - 2 - entrySectors), 48);
        header.writeBigUInt64LE(BigInt(entriesAt), 72);
        header.writeUInt32LE(entryCount, 80);
        header.writeUInt32LE(entrySize, 84);
        for (let i = 0; i < 2; i++) {
            const entry = disk.subarray(entriesAt * sectorSize + i * entrySize);
            entry.fill(0x11 * (i + 1), 0, 32);
            entry.writeBigUInt64LE(BigInt(8 + 4 * i), 32);
            entry.writeBigUInt64LE(BigInt(10 + 4 * i), 40);
            entry.write("part", 56, "utf16le");
        }
    }
    repairAll(disk, { sectorSize, entryCount, entrySize });
    return disk;
}

function headerFields({ sectorSize, entrySize }: Shape): Field[] {
    const headers = [1, SECTORS - 1].map((lba) => lba * sectorSize);
    const numbers = headers.flatMap((start): Field[] => [
        ...[12, 16, 80, 84, 88].map((at): Field => ({ at: start + at, bytes: 4 })),
        ...[24, 32, 40, 48, 72].map((at): Field => ({ at: start + at, bytes: 8 })),
    ]);
    const entries = [0, 1].flatMap((i): Field[] =>
        [0, 32, 40].map((at) => ({ at: 2 * sectorSize + i * entrySize + at, bytes: 8 })),
    );
    return [...numbers, ...entries, { at: 450, bytes: 1 }, { at: 454, bytes: 4 }];
}

function repair(disk: Buffer, shape: Shape, random: Random): void {
    if (random.chance(80)) repairAll(disk, shape);
    else repairOne(disk, shape.sectorSize, shape.sectorSize);
}

function repairAll(disk: Buffer, { sectorSize }: Shape): void {
    for (const lba of [1, SECTORS - 1]) repairOne(disk, lba * sectorSize, sectorSize);
}

/** Both checksums, over what the header itself says now. */
function repairOne(disk: Buffer, start: number, sectorSize: number): void {
    const header = disk.subarray(start, start + sectorSize);
    const at = Number(header.readBigUInt64LE(72)) * sectorSize;
    const length = header.readUInt32LE(80) * header.readUInt32LE(84);
    if (at + length <= disk.length) header.writeUInt32LE(zlib.crc32(disk.subarray(at, at + length)), 88);
    header.writeUInt32LE(0, 16);
    const size = header.readUInt32LE(12);
    header.writeUInt32LE(zlib.crc32(header.subarray(0, Math.min(size, sectorSize))), 16);
}

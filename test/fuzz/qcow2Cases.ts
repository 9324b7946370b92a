import * as zlib from "node:zlib";
import { bufferDevice } from "../../provider/image/blockDevice";
import { Qcow2Device } from "../../provider/image/qcow2";
import { type Field, resize, scramble, setField } from "./mutate";
import type { FuzzTarget } from "./target";

interface Shape {
    version: 2 | 3;
    clusterBits: number;
}

const SHAPES: readonly Shape[] = [
    { version: 2, clusterBits: 9 },
    { version: 3, clusterBits: 9 },
    { version: 3, clusterBits: 12 },
];
const CLUSTERS = 12;

/** A sound file, and the numbers in it. */
interface Model {
    file: Buffer;
    fields: Field[];
}

let models: readonly Model[] = [];
/** Read in such pieces, at these places of the disk it says it has. */
const PIECE = 8192;

/** Small files with plain, packed and empty clusters, and what their header and tables say changed. */
export const qcow2Target: FuzzTarget = {
    name: "qcow2",
    prepare() {
        models = SHAPES.map((shape) => ({ file: fileOf(shape), fields: fieldsOf(shape) }));
        return Promise.resolve();
    },
    build(random) {
        const { file: sound, fields } = random.pick(models);
        const file = Buffer.from(sound);
        for (let n = 1 + random.int(3); n > 0; n--) {
            if (random.chance(80)) setField(file, random.pick(fields), random);
            else scramble(file, random);
        }
        return resize(file, random);
    },
    async run(bytes) {
        const disk = await Qcow2Device.open(bufferDevice(bytes));
        await disk.verifyTables();
        for (const offset of [0, Math.floor(disk.size / 2), disk.size - PIECE]) {
            const start = Math.max(0, offset);
            const length = Math.min(PIECE, disk.size - start);
            const read = await disk.read(start, length);
            if (read.length !== length) throw new Error(`${read.length} bytes instead of ${length}`);
        }
    },
};

const L1 = 1;
const L2 = 2;

function fileOf({ version, clusterBits }: Shape): Buffer {
    const size = 2 ** clusterBits;
    const file = Buffer.alloc(CLUSTERS * size, 0x5a);
    file.fill(0, 0, 3 * size);
    file.write("514649fb", 0, "hex");
    file.writeUInt32BE(version, 4);
    file.writeUInt32BE(clusterBits, 20);
    file.writeBigUInt64BE(BigInt(16 * size), 24);
    file.writeUInt32BE(1, 36);
    file.writeBigUInt64BE(BigInt(L1 * size), 40);
    if (version === 3) file.writeUInt32BE(104, 100);
    file.writeBigUInt64BE(BigInt(L2 * size) | (1n << 63n), L1 * size);
    for (let i = 0; i < 4; i++) {
        file.writeBigUInt64BE(BigInt((3 + i) * size) | (1n << 63n), L2 * size + 8 * i);
    }
    packedCluster(file, clusterBits);
    return file;
}

function packedCluster(file: Buffer, clusterBits: number): void {
    const size = 2 ** clusterBits;
    const packed = zlib.deflateRawSync(Buffer.alloc(size, "qcow2"));
    const at = 8 * size;
    packed.copy(file, at);
    const sectors = BigInt(Math.ceil(packed.length / 512) - 1);
    const entry = (1n << 62n) | (sectors << BigInt(62 - (clusterBits - 8))) | BigInt(at);
    file.writeBigUInt64BE(entry, L2 * size + 8 * 5);
}

function fieldsOf({ clusterBits }: Shape): Field[] {
    const size = 2 ** clusterBits;
    const bigEndian = true;
    return [
        ...[4, 16, 20, 32, 36, 100].map((at): Field => ({ at, bytes: 4, bigEndian })),
        ...[8, 24, 40, 72].map((at): Field => ({ at, bytes: 8, bigEndian })),
        { at: 104, bytes: 1 },
        { at: L1 * size, bytes: 8, bigEndian },
        ...[0, 1, 2, 5, 6].map((i): Field => ({ at: L2 * size + 8 * i, bytes: 8, bigEndian })),
    ];
}

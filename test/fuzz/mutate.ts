import type { Random } from "./random";

/** A number somewhere in a file that its reader goes by. */
export interface Field {
    at: number;
    bytes: 1 | 2 | 4 | 8;
    bigEndian?: boolean;
}

/** Values at which readers break: limits of their widths, and one beside them. */
function tellingValue(random: Random, bytes: number, old: bigint): bigint {
    const bits = BigInt(bytes * 8);
    const all = (1n << bits) - 1n;
    const values = [
        ...[0n, 1n, 2n, 7n, 127n, 128n, 511n, 512n, 4096n],
        ...[
            all,
            all - 1n,
            all >> 1n,
            (all >> 1n) + 1n,
            old + 1n,
            old - 1n,
            old * 2n,
            old ^ (1n << BigInt(random.int(bytes * 8))),
        ],
        ...[1n << 31n, 1n << 32n, (1n << 53n) - 1n, 1n << 53n, 1n << 62n],
        BigInt(random.int(0x7fffffff)),
    ];
    return BigInt.asUintN(bytes * 8, random.pick(values));
}

export function setField(bytes: Buffer, field: Field, random: Random): void {
    if (field.at + field.bytes > bytes.length) return;
    const part = bytes.subarray(field.at, field.at + field.bytes);
    const ordered = field.bigEndian ? part : Buffer.from(part).reverse();
    const old = BigInt(`0x${ordered.toString("hex")}`);
    const value = tellingValue(random, field.bytes, old);
    const written = Buffer.from(value.toString(16).padStart(field.bytes * 2, "0"), "hex");
    (field.bigEndian ? written : written.reverse()).copy(part);
}

/** Changes bytes anywhere: flipped bits, other bytes, a piece moved or emptied. */
export function scramble(bytes: Buffer, random: Random): void {
    if (bytes.length === 0) return;
    const at = random.int(bytes.length);
    const end = Math.min(bytes.length, at + 1 + random.int(64));
    switch (random.int(5)) {
        case 0:
            bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
            break;
        case 1:
            bytes[at] = random.int(256);
            break;
        case 2:
            bytes.fill(random.pick([0, 0xff]), at, end);
            break;
        case 3:
            bytes.copy(bytes, random.int(bytes.length), at, end);
            break;
        default:
            setField(bytes, { at, bytes: random.pick([1, 2, 4, 8]), bigEndian: random.chance(50) }, random);
    }
}

/** Cut off, or with other bytes behind it; mostly neither. */
export function resize(bytes: Buffer, random: Random): Buffer {
    if (random.chance(88)) return bytes;
    if (random.chance(75)) return bytes.subarray(0, random.int(bytes.length + 1));
    return Buffer.concat([bytes, Buffer.alloc(1 + random.int(2048), random.pick([0, 1, 0xff]))]);
}

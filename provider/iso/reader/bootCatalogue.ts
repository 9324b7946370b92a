import type { BlockDevice } from "../../image/blockDevice";
import { ImageDamage } from "../../image/check";
import type { BootEntry } from "./isoImage";

const ENTRY = 32;
const CATALOGUE = 2048;
const SECTOR = 2048;
const PLATFORMS: Readonly<Record<number, BootEntry["platform"]>> = { 0: "bios", 0xef: "uefi" };

/** What firmware can start (El Torito): the entry for all, then sections, one a platform. */
export async function readBootCatalogue(device: BlockDevice, offset: number): Promise<BootEntry[]> {
    const bytes = await device.read(offset, CATALOGUE);
    assertValid(bytes);
    const entries = [bootEntry(bytes.subarray(ENTRY, 2 * ENTRY), bytes.readUInt8(1))];
    for (let at = 2 * ENTRY; at + ENTRY <= bytes.length;) {
        const kind = bytes.readUInt8(at);
        if (kind !== 0x90 && kind !== 0x91) break;
        const platform = bytes.readUInt8(at + 1);
        const count = bytes.readUInt16LE(at + 2);
        at += ENTRY;
        for (let i = 0; i < count && at + ENTRY <= bytes.length; i++) {
            entries.push(bootEntry(bytes.subarray(at, at + ENTRY), platform));
            at += ENTRY;
            while (at + ENTRY <= bytes.length && bytes.readUInt8(at) === 0x44) at += ENTRY;
        }
        if (kind === 0x91) break;
    }
    return entries;
}

function assertValid(bytes: Buffer): void {
    let sum = 0;
    for (let at = 0; at < ENTRY; at += 2) sum = (sum + bytes.readUInt16LE(at)) & 0xffff;
    if (bytes.readUInt8(0) === 1 && sum === 0 && bytes.readUInt16LE(30) === 0xaa55) return;
    throw new ImageDamage("has a damaged boot catalogue");
}

function bootEntry(bytes: Buffer, platform: number): BootEntry {
    return {
        platform: PLATFORMS[platform] ?? "other",
        isBootable: bytes.readUInt8(0) === 0x88,
        loadBytes: bytes.readUInt16LE(6) * 512,
        offset: bytes.readUInt32LE(8) * SECTOR,
    };
}

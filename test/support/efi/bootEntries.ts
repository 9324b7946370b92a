/** Boot entries in the firmware's variables, as its own menu would have written them. */

/** Where a program is: on a partition of a disk with a GUID partition table. */
export interface BootEntry {
    description: string;
    /** `\T\00.EFI` */
    file: string;
    partition: { index: number; firstLba: number; sectors: number; guid: Buffer };
}

const GLOBAL_VARIABLE = Buffer.from("61dfe48bca93d211aa0d00e098032b8c", "hex");
const HEADER = 60;
/** The variable store begins behind the volume's header; its first variable behind its own. */
const STORE_HEADER = 28;

/** A copy of OVMF's variables with these entries, tried in this order. */
export function addBootEntries(variables: Buffer, entries: readonly BootEntry[]): Buffer {
    const filled = Buffer.from(variables);
    let position = firstFree(filled);
    const add = (name: string, data: Buffer): void => {
        const bytes = variable(name, data);
        bytes.copy(filled, position);
        position = aligned(position + bytes.length);
    };
    for (const [number, entry] of entries.entries()) add(`Boot${numberOf(number)}`, loadOption(entry));
    const order = Buffer.alloc(2 * entries.length);
    entries.forEach((_, number) => order.writeUInt16LE(number, 2 * number));
    add("BootOrder", order);
    return filled;
}

/** `0000`, as the firmware names its entries. */
export function numberOf(entry: number): string {
    return entry.toString(16).toUpperCase().padStart(4, "0");
}

function firstFree(variables: Buffer): number {
    let position = variables.readUInt16LE(48) + STORE_HEADER;
    while (variables.readUInt16LE(position) === 0x55aa) {
        const size = variables.readUInt32LE(position + 36) + variables.readUInt32LE(position + 40);
        position = aligned(position + HEADER + size);
    }
    return position;
}

function variable(name: string, data: Buffer): Buffer {
    const header = Buffer.alloc(HEADER);
    header.writeUInt16LE(0x55aa, 0);
    header.writeUInt8(0x3f, 2);
    header.writeUInt32LE(0x7, 4); // kept, for boot services and the system
    header.writeUInt32LE(2 * name.length + 2, 36);
    header.writeUInt32LE(data.length, 40);
    GLOBAL_VARIABLE.copy(header, 44);
    return Buffer.concat([header, Buffer.from(`${name}\0`, "utf16le"), data]);
}

/** EFI_LOAD_OPTION with the short form of a device path: the partition, then the file. */
function loadOption({ description, file, partition }: BootEntry): Buffer {
    const disk = Buffer.alloc(42);
    disk.set([4, 1, 42, 0]);
    disk.writeUInt32LE(partition.index, 4);
    disk.writeBigUInt64LE(BigInt(partition.firstLba), 8);
    disk.writeBigUInt64LE(BigInt(partition.sectors), 16);
    partition.guid.copy(disk, 24);
    disk.set([2, 2], 40);
    const name = Buffer.from(`${file}\0`, "utf16le");
    const path = Buffer.concat([
        disk,
        Buffer.from([4, 4, (name.length + 4) & 0xff, (name.length + 4) >> 8]),
        name,
        Buffer.from([0x7f, 0xff, 4, 0]),
    ]);
    const header = Buffer.alloc(6);
    header.writeUInt32LE(1, 0); // active
    header.writeUInt16LE(path.length, 4);
    return Buffer.concat([header, Buffer.from(`${description}\0`, "utf16le"), path]);
}

function aligned(offset: number): number {
    return (offset + 3) & ~3;
}

/** Small EFI programs, written byte by byte. */

export interface ProgramSection {
    name: string;
    content: Buffer;
}

export interface ProgramOptions {
    /** Default: x86_64. */
    machine?: number;
    sections?: readonly ProgramSection[];
    /** Default: EFI application. */
    subsystem?: number;
}

const FILE_ALIGNMENT = 512;
const SECTION_ALIGNMENT = 4096;
const HEADER_SIZE = 1024;
const PE_START = 128;
const OPTIONAL_SIZE = 240;

/** A PE32+ file that starts with `code`; its other sections are not executed. */
export function makeProgram(code: Buffer, options: ProgramOptions = {}): Buffer {
    const sections = [{ name: ".text", content: code }, ...(options.sections ?? [])];
    const strings: Buffer[] = [];
    const header = Buffer.alloc(HEADER_SIZE);
    const bodies: Buffer[] = [];
    let offset = HEADER_SIZE;
    let address = SECTION_ALIGNMENT;
    for (const [index, { name, content }] of sections.entries()) {
        const entry = header.subarray(PE_START + 24 + OPTIONAL_SIZE + 40 * index);
        entry.write(headerName(name, strings), "latin1");
        entry.writeUInt32LE(content.length, 8);
        entry.writeUInt32LE(address, 12);
        entry.writeUInt32LE(roundUp(content.length, FILE_ALIGNMENT), 16);
        entry.writeUInt32LE(offset, 20);
        entry.writeUInt32LE(index === 0 ? 0x60000020 : 0x40000040, 36);
        bodies.push(Buffer.concat([content], roundUp(content.length, FILE_ALIGNMENT)));
        offset += roundUp(content.length, FILE_ALIGNMENT);
        address += roundUp(content.length, SECTION_ALIGNMENT);
    }
    writeHeaders(header, { options, sections: sections.length, address, code: code.length });
    if (strings.length > 0) {
        header.writeUInt32LE(offset, PE_START + 12); // symbols: none, and then the names
        const names = Buffer.concat(strings);
        const size = Buffer.alloc(4);
        size.writeUInt32LE(4 + names.length);
        bodies.push(size, names);
    }
    return Buffer.concat([header, ...bodies]);
}

function writeHeaders(
    header: Buffer,
    {
        options,
        sections,
        address,
        code,
    }: { options: ProgramOptions; sections: number; address: number; code: number },
): void {
    header.write("MZ", 0, "latin1");
    header.writeUInt32LE(PE_START, 60);
    header.write("PE\0\0", PE_START, "latin1");
    header.writeUInt16LE(options.machine ?? 0x8664, PE_START + 4);
    header.writeUInt16LE(sections, PE_START + 6);
    header.writeUInt16LE(OPTIONAL_SIZE, PE_START + 20);
    header.writeUInt16LE(0x2e, PE_START + 22);
    const optional = header.subarray(PE_START + 24);
    optional.writeUInt16LE(0x20b, 0);
    optional.writeUInt32LE(roundUp(code, FILE_ALIGNMENT), 4);
    optional.writeUInt32LE(SECTION_ALIGNMENT, 16); // entry point
    optional.writeUInt32LE(SECTION_ALIGNMENT, 20);
    optional.writeUInt32LE(SECTION_ALIGNMENT, 32);
    optional.writeUInt32LE(FILE_ALIGNMENT, 36);
    optional.writeUInt32LE(address, 56);
    optional.writeUInt32LE(HEADER_SIZE, 60);
    optional.writeUInt16LE(options.subsystem ?? 10, 68);
    optional.writeUInt32LE(16, 108);
}

function headerName(name: string, strings: Buffer[]): string {
    if (name.length <= 8) return name;
    const at = 4 + strings.reduce((sum, { length }) => sum + length, 0);
    strings.push(Buffer.from(`${name}\0`, "latin1"));
    return `/${at}`;
}

/** Prints a text on the console and returns an error, upon which firmware goes on with the next boot entry. */
export function printing(text: string): Buffer {
    const message = Buffer.from(`${text}\r\n\0`, "utf16le");
    const tail = Buffer.from("48b81500000000000080" + "4883c428" + "c3", "hex"); // EFI_ABORTED
    const code = Buffer.concat([
        Buffer.from("4883ec28" + "488b4a40" + "488d1500000000" + "ff5108", "hex"),
        tail,
    ]);
    code.writeInt32LE(code.length - 15, 11);
    return Buffer.concat([code, message]);
}

/** Switches the machine off. */
export const switchingOff = Buffer.from(
    "4883ec28" + "488b4258" + "b902000000" + "31d2" + "4531c0" + "4531c9" + "ff5068" + "ebfe",
    "hex",
);

function roundUp(value: number, unit: number): number {
    return Math.ceil(value / unit) * unit;
}

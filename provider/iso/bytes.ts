/** Numbers as ISO 9660 keeps them: in both byte orders, one behind the other. */

export function both16(bytes: Buffer, value: number, at: number): void {
    bytes.writeUInt16LE(value, at);
    bytes.writeUInt16BE(value, at + 2);
}

export function both32(bytes: Buffer, value: number, at: number): void {
    bytes.writeUInt32LE(value, at);
    bytes.writeUInt32BE(value, at + 4);
}

/** Joliet's texts are big-endian UCS-2. */
export function ucs2(text: string): Buffer {
    return Buffer.from(text, "utf16le").swap16();
}

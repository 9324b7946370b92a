/** Writes DER, also what no sound program would write. */

export function der(tag: number, ...content: readonly (Buffer | readonly number[])[]): Buffer {
    const bytes = Buffer.concat(content.map((part) => Buffer.from(part)));
    return Buffer.concat([Buffer.from([tag]), lengthOf(bytes.length), bytes]);
}

export const sequence = (...content: Buffer[]): Buffer => der(0x30, ...content);
export const set = (...content: Buffer[]): Buffer => der(0x31, ...content);
export const explicit = (number: number, ...content: Buffer[]): Buffer => der(0xa0 + number, ...content);
export const octets = (content: Buffer): Buffer => der(0x04, content);
export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
export const nothing = der(0x05);
export const yes = der(0x01, [0xff]);

export function integer(value: number | Buffer): Buffer {
    const bytes = typeof value === "number" ? Buffer.from(value.toString(16).padStart(2, "0"), "hex") : value;
    return der(0x02, (bytes[0] ?? 0) >= 0x80 ? [0] : [], bytes);
}

/** All bits of the last byte are used. */
export function bits(content: Buffer, unused = 0): Buffer {
    return der(0x03, [unused], content);
}

export function oid(dotted: string): Buffer {
    const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
    const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
        const digits = [arc & 0x7f];
        for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
            digits.unshift((left & 0x7f) | 0x80);
        }
        return digits;
    });
    return der(0x06, bytes);
}

export function algorithm(dotted: string): Buffer {
    return sequence(oid(dotted), nothing);
}

function lengthOf(length: number): Buffer {
    if (length < 0x80) return Buffer.from([length]);
    const hex = length.toString(16);
    const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
    return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

import { ImageDamage, printable } from "../check";

/** One value: tag, length and content. */
export interface DerValue {
    readonly tag: number;
    readonly content: Buffer;
    /** With its tag and length, as it was hashed and signed. */
    readonly whole: Buffer;
}

export const Tag = {
    boolean: 0x01,
    integer: 0x02,
    octetString: 0x04,
    oid: 0x06,
    sequence: 0x30,
    set: 0x31,
    context0: 0xa0,
    context1: 0xa1,
    context2: 0xa2,
    context3: 0xa3,
} as const;

/** More values in one place than any signature has. */
const MAX_VALUES = 256;

/**
 * Reads values from first to last. DER only: what BER allows beyond it, indefinite and padded lengths, shows two
 * readers two different things.
 */
export class DerReader {
    private at = 0;
    private count = 0;

    constructor(
        private readonly bytes: Buffer,
        /** What is being read, for messages: "signature", "certificate". */
        private readonly what: string,
    ) {}

    get atEnd(): boolean {
        return this.at >= this.bytes.length;
    }

    nextIs(tag: number): boolean {
        return this.bytes[this.at] === tag;
    }

    /** The next value, whatever it is. */
    next(): DerValue {
        if (++this.count > MAX_VALUES) throw this.damage(`has more than ${MAX_VALUES} values in one place`);
        const { at } = this;
        const tag = this.byte(at);
        if ((tag & 0x1f) === 0x1f) throw this.damage("has a tag of several bytes");
        const { length, start } = this.length(at + 1);
        const end = start + length;
        if (end > this.bytes.length) throw this.damage("is cut off");
        this.at = end;
        return { tag, content: this.bytes.subarray(start, end), whole: this.bytes.subarray(at, end) };
    }

    take(tag: number): DerValue {
        if (!this.nextIs(tag)) {
            const found = this.atEnd ? "its end" : `tag ${this.byte(this.at).toString(16)}`;
            throw this.damage(`has ${found} where tag ${tag.toString(16)} belongs`);
        }
        return this.next();
    }

    takeIf(tag: number): DerValue | undefined {
        return this.nextIs(tag) ? this.next() : undefined;
    }

    /** A reader of what the next value holds. */
    enter(tag: number): DerReader {
        return this.inside(this.take(tag));
    }

    inside(value: DerValue): DerReader {
        return new DerReader(value.content, this.what);
    }

    oid(): string {
        return this.oidOf(this.take(Tag.oid).content);
    }

    /** The object identifier of an AlgorithmIdentifier; its parameters are passed over. */
    algorithm(): string {
        return this.enter(Tag.sequence).oid();
    }

    /** A non-negative number that fits a machine word. */
    smallInteger(): number {
        const { content } = this.take(Tag.integer);
        const first = content[0];
        if (first === undefined || first >= 0x80 || content.length > 4) {
            throw this.damage("has a number out of range");
        }
        return content.readUIntBE(0, content.length);
    }

    /** Throws unless everything was read. */
    end(): void {
        if (!this.atEnd) throw this.damage(`has ${this.bytes.length - this.at} bytes too many`);
    }

    damage(problem: string): ImageDamage {
        return new ImageDamage(`its ${this.what} ${problem}`);
    }

    private length(at: number): { length: number; start: number } {
        const first = this.byte(at);
        if (first < 0x80) return { length: first, start: at + 1 };
        const size = first & 0x7f;
        if (size === 0 || size > 4) throw this.damage("has a length that DER does not allow");
        if (at + 1 + size > this.bytes.length) throw this.damage("is cut off");
        const length = this.bytes.readUIntBE(at + 1, size);
        if (length < 0x80 || length < 2 ** (8 * (size - 1))) {
            throw this.damage("has a length that DER does not allow");
        }
        return { length, start: at + 1 + size };
    }

    private byte(at: number): number {
        const byte = this.bytes[at];
        if (byte === undefined) throw this.damage("is cut off");
        return byte;
    }

    private oidOf(content: Buffer): string {
        const arcs: number[] = [];
        let arc = 0;
        for (const [index, byte] of content.entries()) {
            const isFirst = index === 0 || (content[index - 1] ?? 0) < 0x80;
            arc = isFirst ? byte & 0x7f : arc * 128 + (byte & 0x7f);
            if ((isFirst && byte === 0x80) || !Number.isSafeInteger(arc)) {
                throw this.damage(
                    `has an unreadable object identifier (${printable(content.toString("hex"))})`,
                );
            }
            if (byte < 0x80) arcs.push(arc);
        }
        const [head, ...rest] = arcs;
        if (head === undefined || (content.at(-1) ?? 0x80) >= 0x80) {
            throw this.damage("has an unreadable object identifier");
        }
        const root = Math.min(2, Math.floor(head / 40));
        return [root, head - 40 * root, ...rest].join(".");
    }
}

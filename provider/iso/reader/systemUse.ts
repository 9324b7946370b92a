import { ImageDamage } from "../../image/check";
import type { DirectoryRecord } from "./directoryRecord";

/** What Rock Ridge (IEEE P1282) says of a file. */
export interface SystemUse {
    name?: string;
    /** Permission bits. */
    mode?: number;
    /** Neither file nor folder nor link. */
    isSpecial?: boolean;
    /** Where a link points to. */
    target?: string;
    /** Of a stand-in: where the folder really is. */
    childBlock?: number;
    /** A folder that is shown elsewhere. */
    isMoved?: boolean;
}

type ReadArea = (block: number, offset: number, length: number) => Promise<Buffer>;

const MOST_AREAS = 32;
const MOST_NAME = 1024;
const MOST_TARGET = 4096;
const MOST_AREA = 64 * 1024;

const FORMAT = 0o170000;
const ORDINARY: ReadonlySet<number> = new Set([0o100000, 0o040000, 0o120000]);

/** The part of a record behind its name. */
export function areaOf({ bytes, name }: DirectoryRecord): Buffer {
    const end = 33 + name.length;
    return bytes.subarray(Math.min(bytes.length, end + (end % 2)));
}

/** How many bytes of each area are somebody else's; undefined where the image has no such areas. */
export function suspSkip(area: Buffer): number | undefined {
    const isThere =
        area.length >= 7 && area.toString("latin1", 0, 2) === "SP" && area.readUInt16BE(4) === 0xbeef;
    return isThere ? area.readUInt8(6) : undefined;
}

export async function readSystemUse(first: Buffer, read: ReadArea): Promise<SystemUse> {
    const use: SystemUse = {};
    const name: Buffer[] = [];
    const link = new LinkTarget();
    let area: Buffer | undefined = first;
    for (let count = 0; area; count++) {
        if (count >= MOST_AREAS) throw new ImageDamage("has a file whose description does not end");
        let next: { block: number; offset: number; length: number } | undefined;
        for (const { tag, body } of fieldsOf(area)) {
            if (tag === "CE" && body.length >= 24) {
                next = {
                    block: body.readUInt32LE(0),
                    offset: body.readUInt32LE(8),
                    length: body.readUInt32LE(16),
                };
            } else if (tag === "NM" && body.length >= 1) name.push(body.subarray(1));
            else if (tag === "SL" && body.length >= 1) link.add(body.subarray(1));
            else readField(tag, body, use);
        }
        if (next && next.length > MOST_AREA)
            throw new ImageDamage("has a file with a description without measure");
        area = next && (await read(next.block, next.offset, next.length));
    }
    const whole = Buffer.concat(name);
    if (whole.length > MOST_NAME) throw new ImageDamage("has a file with a name of more than 1024 bytes");
    return {
        ...use,
        ...(whole.length > 0 ? { name: whole.toString("utf8") } : {}),
        ...(link.isThere ? { target: link.text() } : {}),
    };
}

function readField(tag: string, body: Buffer, use: SystemUse): void {
    if (tag === "PX" && body.length >= 8) {
        const mode = body.readUInt32LE(0);
        use.mode = mode & 0o7777;
        use.isSpecial = !ORDINARY.has(mode & FORMAT);
    } else if (tag === "CL" && body.length >= 8) use.childBlock = body.readUInt32LE(0);
    else if (tag === "RE") use.isMoved = true;
}

/** Two letters, length, version, and the body. What follows an `ST`, or is too short for a field, is padding. */
function* fieldsOf(area: Buffer): Generator<{ tag: string; body: Buffer }> {
    for (let at = 0; at + 4 <= area.length;) {
        const length = area.readUInt8(at + 2);
        const tag = area.toString("latin1", at, at + 2);
        if (length < 4 || at + length > area.length || tag === "ST") return;
        yield { tag, body: area.subarray(at + 4, at + length) };
        at += length;
    }
}

/** A link's target, in steps; each in pieces where it is long. */
class LinkTarget {
    private readonly steps: string[] = [];
    private size = 0;
    private goesOn = false;
    isThere = false;

    add(components: Buffer): void {
        this.isThere = true;
        for (let at = 0; at + 2 <= components.length;) {
            const flags = components.readUInt8(at);
            const length = components.readUInt8(at + 1);
            this.step(flags, components.toString("utf8", at + 2, at + 2 + length));
            at += 2 + length;
        }
    }

    text(): string {
        const [first, ...rest] = this.steps;
        return first === "" && rest.length === 0 ? "/" : this.steps.join("/");
    }

    private step(flags: number, text: string): void {
        const named = (flags & 2) !== 0 ? "." : (flags & 4) !== 0 ? ".." : (flags & 8) !== 0 ? "" : text;
        this.size += named.length + 1;
        if (this.size > MOST_TARGET)
            throw new ImageDamage("has a link with a target of more than 4096 bytes");
        if (this.goesOn) this.steps.push(`${this.steps.pop() ?? ""}${named}`);
        else this.steps.push(named);
        this.goesOn = (flags & 1) !== 0;
    }
}

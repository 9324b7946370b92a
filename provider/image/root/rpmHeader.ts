import { ImageDamage } from "../check";

/** Tags of the header of an installed package (rpmtag.h). */
const TAG = { name: 1000, version: 1001, release: 1002, epoch: 1003, arch: 1022 } as const;
const TYPE = { int32: 4, string: 6, stringArray: 8, i18nString: 9 } as const;

const WANTED: ReadonlySet<number> = new Set(Object.values(TAG));
/** Names and versions are hardly longer. */
const SHORT_TEXT = 64;
const MAX_ENTRIES = 65_536;
const MAX_STRING = 1024;

export interface RpmHeader {
    name: string;
    epoch?: number;
    version: string;
    release: string;
    architecture: string;
}

/**
 * The header of an installed package as rpm keeps it in its database: count of index entries, size of the store, the
 * entries (tag, type, offset, count; big-endian), the store. `blob` may be the beginning of one of `size` bytes.
 */
export function parseRpmHeader(blob: Buffer, size = blob.length): RpmHeader {
    const { storeAt, storeSize } = outlineOf(blob, size);
    const store = blob.subarray(storeAt, storeAt + storeSize);
    const found = entriesOf(blob, storeAt);
    const text = (tag: number): string => {
        const entry = found.get(tag);
        return entry ? stringAt(store, entry) : "";
    };
    const epoch = found.get(TAG.epoch);
    return {
        name: text(TAG.name),
        version: text(TAG.version),
        release: text(TAG.release),
        architecture: text(TAG.arch),
        ...(epoch ? { epoch: numberAt(store, epoch) } : {}),
    };
}

/** How much of a header's beginning is needed to parse it, as far as that can be told from what is there of it. */
export function neededOfRpmHeader(start: Buffer, size: number): number {
    if (start.length < 8) return 8;
    const { storeAt, storeSize } = outlineOf(start, size);
    if (start.length < storeAt) return storeAt;
    const end = storeAt + storeSize;
    const needs = [...entriesOf(start, storeAt)]
        .filter(([tag]) => WANTED.has(tag))
        .map(([, { type, offset }]) => {
            const at = storeAt + offset;
            if (type === TYPE.int32) return at + 4;
            const closed = at < start.length && start.indexOf(0, at) >= 0;
            return closed ? at : Math.max(at, start.length) + SHORT_TEXT;
        });
    return Math.min(end, Math.max(storeAt, ...needs));
}

function outlineOf(start: Buffer, size: number): { storeAt: number; storeSize: number } {
    if (start.length < 8) throw new ImageDamage("an rpm header ends early");
    const count = start.readUInt32BE(0);
    const storeSize = start.readUInt32BE(4);
    const storeAt = 8 + count * 16;
    if (count > MAX_ENTRIES || storeAt + storeSize > size) {
        throw new ImageDamage(`an rpm header says ${count} entries and ${storeSize} bytes, beyond its end`);
    }
    return { storeAt, storeSize };
}

function entriesOf(start: Buffer, storeAt: number): Map<number, { type: number; offset: number }> {
    const found = new Map<number, { type: number; offset: number }>();
    for (let at = 8; at < storeAt; at += 16) {
        const tag = start.readUInt32BE(at);
        if (!found.has(tag))
            found.set(tag, { type: start.readUInt32BE(at + 4), offset: start.readUInt32BE(at + 8) });
    }
    return found;
}

function stringAt(store: Buffer, { type, offset }: { type: number; offset: number }): string {
    const isText = type === TYPE.string || type === TYPE.stringArray || type === TYPE.i18nString;
    if (!isText || offset >= store.length) throw new ImageDamage("an rpm header points beyond its end");
    const end = store.indexOf(0, offset);
    if (end < 0) throw new ImageDamage("an rpm header holds a text without an end");
    return store.toString("utf8", offset, Math.min(end, offset + MAX_STRING));
}

function numberAt(store: Buffer, { type, offset }: { type: number; offset: number }): number {
    if (type !== TYPE.int32 || offset + 4 > store.length) {
        throw new ImageDamage("an rpm header points beyond its end");
    }
    return store.readUInt32BE(offset);
}

import { ImageDamage } from "../check";

/** Tags of the header of an installed package (rpmtag.h). */
const TAG = { name: 1000, version: 1001, release: 1002, epoch: 1003, arch: 1022 } as const;
const TYPE = { int32: 4, string: 6, stringArray: 8, i18nString: 9 } as const;

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
 * entries (tag, type, offset, count; big-endian), the store.
 */
export function parseRpmHeader(blob: Buffer): RpmHeader {
    if (blob.length < 8) throw new ImageDamage("an rpm header ends early");
    const count = blob.readUInt32BE(0);
    const storeSize = blob.readUInt32BE(4);
    const storeAt = 8 + count * 16;
    if (count > MAX_ENTRIES || storeAt + storeSize > blob.length) {
        throw new ImageDamage(`an rpm header says ${count} entries and ${storeSize} bytes, beyond its end`);
    }
    const store = blob.subarray(storeAt, storeAt + storeSize);
    const found = new Map<number, { type: number; offset: number }>();
    for (let at = 8; at < storeAt; at += 16) {
        const tag = blob.readUInt32BE(at);
        if (!found.has(tag))
            found.set(tag, { type: blob.readUInt32BE(at + 4), offset: blob.readUInt32BE(at + 8) });
    }
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

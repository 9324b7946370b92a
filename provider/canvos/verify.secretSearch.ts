/** A value that was given to a build and must not be in what it makes. */
export interface Secret {
    /** What messages call it: `userData.stylus.site.edgeHostToken`. */
    name: string;
    value: string;
}

/** Where a secret begins in what was searched. Its value is not part of it. */
export interface SecretHit {
    name: string;
    /** How it was written. */
    form: "as it is" | "base64" | "percent-encoded" | "in JSON";
    offset: number;
}

/** Shorter ones stand in any image by chance. */
const SHORTEST = 6;
/** A value in thousands of places says no more than one in a few. */
const MOST_HITS = 200;

interface Needle extends Pick<SecretHit, "name" | "form"> {
    bytes: Buffer;
}

/**
 * Searches streams for secrets, all of them and all their forms in one pass: sets of texts are found by the last two
 * bytes of a window as wide as the shortest of them, which skips most of the bytes (Wu and Manber's way).
 */
export class SecretSearch {
    /** Names of those that are too short to be told from chance. */
    readonly unsearchable: readonly string[];
    private readonly needles: readonly Needle[];
    private readonly window: number;
    private readonly shifts = new Uint8Array(65536);
    private readonly byBlock = new Map<number, Needle[]>();

    constructor(secrets: readonly Secret[]) {
        const isLong = ({ value }: Secret): boolean => Buffer.byteLength(value) >= SHORTEST;
        this.unsearchable = secrets.filter((secret) => !isLong(secret)).map(({ name }) => name);
        this.needles = secrets.filter(isLong).flatMap(formsOf);
        this.window = Math.min(200, ...this.needles.map(({ bytes }) => bytes.length));
        this.shifts.fill(this.window - 1);
        for (const needle of this.needles) this.add(needle);
    }

    /** A search of one stream; hits come in their order of place within a piece. */
    start(onHit: (hit: SecretHit) => void): { push(chunk: Buffer): void } {
        if (this.needles.length === 0) return { push: () => undefined };
        const overlap = Math.max(...this.needles.map(({ bytes }) => bytes.length)) - 1;
        let carried = Buffer.alloc(0);
        let offset = 0;
        let left = MOST_HITS;
        const report = (start: number, { name, form }: Needle): void => {
            if (left-- > 0) onHit({ name, form, offset: start });
        };
        return {
            push: (chunk) => {
                const border = Buffer.concat([carried, chunk.subarray(0, overlap)]);
                this.find(border, carried.length, (at, needle) => {
                    // What ends before the piece was found with the one before.
                    if (at + needle.bytes.length > carried.length)
                        report(offset - carried.length + at, needle);
                });
                this.find(chunk, chunk.length, (at, needle) => report(offset + at, needle));
                offset += chunk.length;
                const end = chunk.length >= overlap ? chunk : Buffer.concat([carried, chunk]);
                carried = Buffer.from(end.subarray(Math.max(0, end.length - overlap)));
            },
        };
    }

    private add(needle: Needle): void {
        for (let i = 1; i < this.window; i++) {
            const block = blockAt(needle.bytes, i);
            this.shifts[block] = Math.min(this.shifts[block] ?? 0, this.window - 1 - i);
        }
        const last = blockAt(needle.bytes, this.window - 1);
        this.byBlock.set(last, [...(this.byBlock.get(last) ?? []), needle]);
    }

    /** Those that begin before `limit`. */
    private find(bytes: Buffer, limit: number, found: (at: number, needle: Needle) => void): void {
        const { shifts, window } = this;
        for (let end = window - 1; end < bytes.length;) {
            const block = ((bytes[end - 1] ?? 0) << 8) | (bytes[end] ?? 0);
            const shift = shifts[block] ?? 0;
            if (shift > 0) {
                end += shift;
                continue;
            }
            const start = end - window + 1;
            if (start >= limit) return;
            for (const needle of this.byBlock.get(block) ?? []) {
                const there = bytes.subarray(start, start + needle.bytes.length);
                if (there.equals(needle.bytes)) found(start, needle);
            }
            end++;
        }
    }
}

function blockAt(bytes: Buffer, end: number): number {
    return bytes.readUInt16BE(end - 1);
}

function formsOf({ name, value }: Secret): Needle[] {
    const texts: [form: SecretHit["form"], text: string][] = [
        ["as it is", value],
        ["percent-encoded", encodeURIComponent(value)],
        ["in JSON", JSON.stringify(value).slice(1, -1)],
        ...base64Cores(value).map((core): [SecretHit["form"], string] => ["base64", core]),
    ];
    const seen = new Set<string>();
    return texts
        .filter(([, text]) => !seen.has(text) && seen.add(text))
        .map(([form, text]) => ({ name, form, bytes: Buffer.from(text) }));
}

/**
 * The characters that stand for a value in base64 whatever is around it: three, by the place where it begins in a
 * group of three bytes, in each of the two alphabets.
 */
function base64Cores(value: string): string[] {
    const bytes = Buffer.from(value);
    return [0, 1, 2].flatMap((before) => {
        const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
        const first = Math.ceil((before * 8) / 6);
        const end = Math.floor(((before + bytes.length) * 8) / 6);
        const core = encoded.slice(first, end);
        return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
    });
}

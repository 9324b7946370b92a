import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";

/** Part of every key: raised when what is kept, or how it is found out, changes. */
const VERSION = 3;
const MAX_ENTRIES = 512;
/** A file changed within this time before it was read may be changed again without its times telling. */
const RACY_NANOSECONDS = 100_000_000n;
/** File systems that keep whole seconds only (FAT: two of them). */
const COARSE_NANOSECONDS = 2_000_000_000n;

export interface FileIdentity {
    dev: bigint;
    ino: bigint;
    size: bigint;
    mtimeNs: bigint;
    ctimeNs: bigint;
}

export async function identify(file: string): Promise<FileIdentity> {
    const { dev, ino, size, mtimeNs, ctimeNs } = await fs.stat(file, { bigint: true });
    return { dev, ino, size, mtimeNs, ctimeNs };
}

/**
 * Results that follow from an image's bytes alone, found again by a file's identity and times, or by what another
 * place says of its content: a preview of an unchanged image reads nothing of it. A cache only: what is damaged,
 * missing or not writable is no error.
 */
export class ResultCache {
    constructor(private readonly folder: string) {}

    static defaultFolder(env: Readonly<Record<string, string | undefined>>): string {
        if (env.EDGE_OS_CACHE_DIR) return path.resolve(env.EDGE_OS_CACHE_DIR);
        const base = env.XDG_CACHE_HOME ?? "";
        return path.join(path.isAbsolute(base) ? base : path.join(os.homedir(), ".cache"), "pulumi-edge-os");
    }

    /** The kept result for the file as it is now, or else that of `compute`, kept for the next time. */
    async through<T>(
        purpose: string,
        file: string,
        isSound: (value: unknown) => value is T,
        compute: () => Promise<T>,
    ): Promise<T> {
        const before = await identify(file);
        const { dev, ino, size, mtimeNs, ctimeNs } = before;
        const entry = this.entryPath(purpose, [dev, ino, size, mtimeNs, ctimeNs].map(String));
        const kept = await readEntry(entry, isSound);
        if (kept !== undefined) return kept;
        const startedAt = BigInt(Date.now()) * 1_000_000n;
        const value = await compute();
        const after = await identify(file);
        if (isSame(before, after) && !isRacy(before, startedAt)) await this.store(entry, value);
        return value;
    }

    /** The same for content of another place, which that tells apart by `identity`. */
    async throughIdentity<T>(
        purpose: string,
        identity: string,
        isSound: (value: unknown) => value is T,
        compute: () => Promise<T>,
    ): Promise<T> {
        const entry = this.entryPath(purpose, [identity]);
        const kept = await readEntry(entry, isSound);
        if (kept !== undefined) return kept;
        const value = await compute();
        await this.store(entry, value);
        return value;
    }

    private entryPath(purpose: string, identity: readonly string[]): string {
        const parts = [String(VERSION), purpose, ...identity];
        const key = crypto.createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 40);
        return path.join(this.folder, `${key}.json`);
    }

    private async store(entry: string, value: unknown): Promise<void> {
        const unfinished = `${entry}.${process.pid}-${crypto.randomBytes(4).toString("hex")}`;
        try {
            await fs.mkdir(this.folder, { recursive: true, mode: 0o700 });
            await fs.writeFile(unfinished, JSON.stringify({ value }), { mode: 0o600 });
            await fs.rename(unfinished, entry);
            await this.prune();
        } catch {
            await fs.rm(unfinished, { force: true }).catch(() => undefined);
        }
    }

    /** Drops the oldest half once there are too many. */
    private async prune(): Promise<void> {
        const names = await fs.readdir(this.folder);
        if (names.length <= MAX_ENTRIES) return;
        const aged = await Promise.all(
            names.map(async (name) => {
                const file = path.join(this.folder, name);
                return { file, time: (await fs.stat(file).catch(() => undefined))?.mtimeMs ?? 0 };
            }),
        );
        aged.sort((a, b) => a.time - b.time);
        const oldest = aged.slice(0, Math.floor(MAX_ENTRIES / 2));
        await Promise.all(oldest.map(({ file }) => fs.rm(file, { force: true })));
    }
}

async function readEntry<T>(entry: string, isSound: (value: unknown) => value is T): Promise<T | undefined> {
    try {
        const { value } = JSON.parse(await fs.readFile(entry, "utf8")) as { value: unknown };
        return isSound(value) ? value : undefined;
    } catch {
        return undefined;
    }
}

function isSame(a: FileIdentity, b: FileIdentity): boolean {
    return (
        a.dev === b.dev &&
        a.ino === b.ino &&
        a.size === b.size &&
        a.mtimeNs === b.mtimeNs &&
        a.ctimeNs === b.ctimeNs
    );
}

function isRacy({ mtimeNs, ctimeNs }: FileIdentity, startedAt: bigint): boolean {
    const newest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
    const isCoarse = newest % 1_000_000_000n === 0n;
    return newest > startedAt - (isCoarse ? COARSE_NANOSECONDS : RACY_NANOSECONDS);
}

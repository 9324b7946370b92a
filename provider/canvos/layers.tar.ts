import { extract, type Entry as Stream, type Headers } from "tar-stream";
import { ImageDamage, printable } from "../image/check";

/** One entry of a tar archive. */
export interface TarEntry {
    /** Steps of its path; none for the root. */
    path: readonly string[];
    /** As it is written in the archive. */
    name: string;
    type: NonNullable<Headers["type"]>;
    mode: number;
    uid: number;
    gid: number;
    size: number;
    /** Of links, as it is written. */
    target: string;
}

/** Takes an entry's content, to its end. */
export type TakeEntry = (entry: TarEntry, content: AsyncIterable<Buffer>) => Promise<void>;

/** Names and extended headers are small; an archive that says otherwise would fill the memory. */
const MOST_BETWEEN_ENTRIES = 64 * 1024 * 1024;
const MOST_PATH = 8192;
const MOST_STEPS = 512;

/** Reads a tar archive in pieces as they come. */
export class TarReader {
    private readonly extract = extract();
    private readonly failure: Promise<never>;
    private failed?: Error;
    /** Bytes handed in since an entry began or went on. */
    private unclaimed = 0;

    constructor(private readonly take: TakeEntry) {
        this.failure = new Promise<never>((_, reject) => {
            this.extract.once("error", (error: Error) => {
                this.failed ??= damageOf(error);
                reject(this.failed);
            });
        });
        this.failure.catch(() => undefined);
        this.extract.on("entry", (header, stream, next) => {
            this.handle(header, stream as unknown as Stream).then(
                () => next(),
                (error: unknown) => {
                    this.failed ??= error as Error;
                    next(error);
                },
            );
        });
    }

    async write(chunk: Buffer): Promise<void> {
        if (this.failed) throw this.failed;
        this.unclaimed += chunk.length;
        if (this.unclaimed > MOST_BETWEEN_ENTRIES + chunk.length) {
            throw new ImageDamage("an archive of it has headers of more than 64 MiB: it is damaged");
        }
        if (this.extract.write(chunk)) return;
        await Promise.race([
            this.failure,
            new Promise<void>((resolve) => this.extract.once("drain", () => resolve())),
        ]);
    }

    async end(): Promise<void> {
        const finished = new Promise<void>((resolve) => this.extract.once("finish", () => resolve()));
        this.extract.end();
        await Promise.race([this.failure, finished]);
        if (this.failed) throw this.failed;
    }

    close(): void {
        this.extract.destroy();
    }

    private async handle(header: Headers, stream: Stream): Promise<void> {
        this.unclaimed = 0;
        const count = (): void => void (this.unclaimed = 0);
        await this.take(entryOf(header), counted(stream, count));
        // What was left of it.
        stream.on("data", count);
        if (!stream.readableEnded && !stream.destroyed)
            await new Promise((resolve) => stream.once("close", resolve));
    }
}

async function* counted(stream: Stream, count: () => void): AsyncGenerator<Buffer> {
    // The stream is destroyed when its iteration is left, and the archive with it; what is left is read afterwards.
    for await (const chunk of stream) {
        count();
        yield chunk;
    }
}

function entryOf({ name, type, mode, uid, gid, size, linkname }: Headers): TarEntry {
    const whole = size ?? 0;
    if (!Number.isSafeInteger(whole) || whole < 0) {
        throw new ImageDamage(`${printable(name)} has no sound size: the archive is damaged`);
    }
    return {
        path: stepsOf(name),
        name,
        type: type ?? "file",
        mode: (mode ?? 0) & 0o7777,
        uid: uid ?? 0,
        gid: gid ?? 0,
        size: whole,
        target: linkname ?? "",
    };
}

/** A path that leads out of the root is no path of an image. */
export function stepsOf(name: string): string[] {
    if (name.length > MOST_PATH)
        throw new ImageDamage("an archive of it has a path of more than 8192 characters");
    const steps = name.split("/").filter((step) => step !== "" && step !== ".");
    if (steps.includes("..") || steps.length > MOST_STEPS || name.includes("\0")) {
        throw new ImageDamage(`${printable(name)} in an archive of it is no path inside the image`);
    }
    return steps;
}

function damageOf(error: Error): Error {
    return error instanceof ImageDamage
        ? error
        : new ImageDamage(`an archive of it is damaged (${printable(error.message)})`);
}

import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { Limiter } from "../http/limiter";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { System } from "../resource/definition";
import { readImageSettings } from "./settings";
import { StatCache } from "./cache";
import { ImageError } from "./check";
import type { InspectLimits, Inspection, Progress } from "./inspection";
import { inspectInWorker } from "./inspectInWorker";
import type { Publication } from "./diskImage.publish";
import { DirectoryPublisher } from "./publish/directory";
import type { Publisher } from "./publish/publisher";
import { HashedSource } from "./source";

interface ReadOptions {
    signal?: AbortSignal;
    onProgress?: (progress: Progress) => void;
}

/** What the image resources work with: looks at images and publishes them, and remembers what it has seen. */
export class ImageLibrary {
    /** Each reading keeps a core busy. */
    private readonly readers = new Limiter(
        Math.max(1, os.availableParallelism() - 1),
        os.availableParallelism(),
    );

    constructor(
        private readonly limits: InspectLimits,
        private readonly cache: StatCache,
    ) {}

    inspect(file: string, options: ReadOptions = {}): Promise<Inspection> {
        // The limits decide what passes, so they belong to the question.
        const purpose = `inspection ${JSON.stringify(this.limits)}`;
        return this.cache.through(purpose, file, isInspection, () =>
            this.readers.run(() => inspectInWorker(file, { ...this.limits, ...options }), options.signal),
        );
    }

    digest(file: string, options: ReadOptions = {}): Promise<string> {
        return this.cache.through("sha256", file, isDigest, () =>
            this.readers.run(() => digestOf(file, options), options.signal),
        );
    }

    /** The place that a `DiskImage` is published to. */
    publisher({ directory }: Publication, projectDir: string): Publisher {
        return new DirectoryPublisher(path.resolve(projectDir, directory), (file, options) =>
            this.digest(file, options),
        );
    }
}

/** The image library has no server and no login; its settings say where it may keep things, and how large. */
export const imageSystem: System<ImageLibrary> = {
    name: "image",
    target: [],
    connect: (_target, host: Host) => {
        const { cacheDirectory, ...limits } = readImageSettings(host);
        return new ImageLibrary(limits, new StatCache(cacheDirectory ?? StatCache.defaultFolder(host.env)));
    },
};

async function digestOf(file: string, { signal, onProgress }: ReadOptions): Promise<string> {
    const handle = await fs.open(file, "r").catch((error: unknown) => {
        throw new EdgeError(
            `${file} cannot be opened (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`,
        );
    });
    try {
        const total = (await handle.stat()).size;
        const source = new HashedSource(handle, (done) => {
            signal?.throwIfAborted();
            onProgress?.({ done, total });
        });
        await source.drain();
        return source.sha256();
    } finally {
        await handle.close();
    }
}

function isDigest(value: unknown): value is string {
    return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

/** Written by this version of this package, so a look at its outline is enough. */
function isInspection(value: unknown): value is Inspection {
    const { sha256, sizeBytes, checks, partitions } = (value ?? {}) as Partial<Inspection>;
    return (
        isDigest(sha256) &&
        typeof sizeBytes === "number" &&
        Array.isArray(checks) &&
        Array.isArray(partitions)
    );
}

/** Whether an error says that the image could not be looked at, rather than that something else went wrong. */
export function isImageError(error: unknown): error is ImageError {
    return error instanceof ImageError;
}

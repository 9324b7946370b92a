import * as os from "node:os";
import * as path from "node:path";
import { abortable } from "../http/abortable";
import { Limiter } from "../http/limiter";
import type { Host } from "../resource/context";
import type { System } from "../resource/definition";
import { EdgeError } from "../resource/errors";
import { ResultCache } from "./cache";
import { ImageError } from "./check";
import type { Publication } from "./diskImage.publish";
import { isDigest } from "./imageDigest";
import type { ContentExpectations } from "./expect.schema";
import type { InspectLimits, Inspection, Progress } from "./inspection";
import { inspectInWorker, type ServedSource } from "./inspectInWorker";
import type { Openness } from "./publish/anonymous";
import { DirectoryPublisher } from "./publish/directory";
import type { ByteSource, PublishedFile, Publisher } from "./publish/publisher";
import { StorageServices } from "./publish/services";
import { readImageSettings } from "./settings";
import { FileSource } from "./source/file";
import { HashedSource } from "./source/hashed";
import { fileNameOf, isRemote, nameOf } from "./source/location";
import { Places } from "./source/places";
import type { PublishedDigest } from "./source/publishedDigest";
import { readOn, type ReadOnOptions } from "./source/readOn";
import type { ImageSource } from "./source/source";

interface ReadOptions {
    signal?: AbortSignal;
    onProgress?: (progress: Progress) => void;
}

interface InspectOptions extends ReadOptions {
    /** `InspectTask.planned` */
    planned?: string;
    /** What the content is judged by. */
    expect?: ContentExpectations;
}

/** What the image resources work with: looks at images and publishes them, and remembers what it has seen. */
export class ImageLibrary {
    /** Each reading keeps a core busy. */
    private readonly readers = new Limiter(
        Math.max(1, os.availableParallelism() - 1),
        os.availableParallelism(),
    );
    /** For what comes from a network: rows of one image share a reading, and the rows of a run its result. */
    private readonly inspections = new Map<string, Promise<Inspection>>();

    constructor(
        readonly limits: InspectLimits,
        private readonly cache: ResultCache,
        private readonly places: Places,
        private readonly clock: ReadOnOptions["clock"],
        private readonly services: StorageServices,
    ) {}

    /** `location` is a full path or an address (`locate`). */
    async inspect(location: string, options: InspectOptions = {}): Promise<Inspection> {
        // What decides what passes belongs to the question.
        const purpose = `inspection ${JSON.stringify([this.limits, options.planned, options.expect])}`;
        if (!isRemote(location)) {
            return this.cache.through(purpose, location, isInspection, () => this.look(location, options));
        }
        const source = await this.places.open(location, options.signal);
        try {
            const inspection = await this.shared(purpose, source, {
                ...options,
                planned: source.sha256 ?? options.planned,
            });
            return source.fileName === "" ? inspection : { ...inspection, fileName: source.fileName };
        } finally {
            await source.close();
        }
    }

    digest(file: string, options: ReadOptions = {}): Promise<string> {
        return this.cache.through("sha256", file, isDigest, () =>
            this.readers
                .run(() => digestOf(file, options), options.signal)
                .catch((error: unknown) => {
                    throw about(file, error);
                }),
        );
    }

    /** What the checksum file at one location says of the image at another. */
    publishedDigest(checksums: string, image: string, signal?: AbortSignal): Promise<PublishedDigest> {
        return this.places.publishedDigest(checksums, fileNameOf(image), signal);
    }

    /** All bytes of an image, or those from `start` on; from a new connection behind each that breaks. */
    bytes(location: string, start = 0): ByteSource {
        const { places, clock } = this;
        return {
            name: nameOf(location),
            async *chunks(signal) {
                try {
                    const source = await places.open(location, signal);
                    try {
                        yield* readOn(source, { start }, { clock, ...(signal ? { signal } : {}) });
                    } finally {
                        await source.close();
                    }
                } catch (error) {
                    throw about(location, error);
                }
            },
        };
    }

    private async shared(purpose: string, source: ImageSource, options: InspectOptions): Promise<Inspection> {
        const { identity, name, size } = source;
        const key = [purpose, identity ?? `${name} ${size ?? ""}`].join("\0");
        const other = this.inspections.get(key);
        if (other) {
            const found = await abortable(other, options.signal).catch(() => undefined);
            options.signal?.throwIfAborted();
            if (found) return found;
        }
        const reading = { source, reading: { clock: this.clock } };
        const compute = (): Promise<Inspection> => this.look(reading, options);
        const work = this.remembered(purpose, source, options.planned, compute);
        this.inspections.set(key, work);
        work.catch(() => this.inspections.delete(key));
        return work;
    }

    private remembered(
        purpose: string,
        { identity, size }: ImageSource,
        planned: string | undefined,
        compute: () => Promise<Inspection>,
    ): Promise<Inspection> {
        if (identity !== undefined) {
            return this.cache.throughIdentity(purpose, identity, isInspection, compute);
        }
        if (planned === undefined) return compute();
        // Of these very bytes all is known once they were read whole. That a server has others by now is found when
        // they are published, as it is for what is judged by its parts.
        const isOfAllBytes = (value: unknown): value is Inspection =>
            isInspection(value) && value.sha256 === planned && value.isPlanned !== true;
        return this.cache.throughIdentity(purpose, `sha256:${planned} ${size ?? ""}`, isOfAllBytes, compute);
    }

    private look(from: string | ServedSource, options: InspectOptions): Promise<Inspection> {
        return this.readers.run(() => inspectInWorker(from, { ...this.limits, ...options }), options.signal);
    }

    /** The place that a `DiskImage` is published to. */
    publisher(publish: Publication, projectDir: string): Publisher {
        if (!("directory" in publish)) return this.services.publisher(publish);
        return new DirectoryPublisher(path.resolve(projectDir, publish.directory), (file, options) =>
            this.digest(file, options),
        );
    }

    /** What somebody without a login gets of a published file, whose content is told. */
    openness(
        publish: Publication,
        file: PublishedFile,
        content: Buffer,
        signal: AbortSignal,
    ): Promise<Openness> {
        return this.services.openness(publish, file, content, signal);
    }
}

/** The settings say where the image library may keep things, and how it gets at the places of images. */
export const imageSystem: System<ImageLibrary> = {
    name: "image",
    target: [],
    connect: (_target, host: Host) => {
        const settings = readImageSettings(host);
        const folder = settings.cacheDirectory ?? ResultCache.defaultFolder(host.env);
        const services = new StorageServices(settings, host);
        const places = new Places(host, settings, services);
        return new ImageLibrary(settings.limits, new ResultCache(folder), places, host, services);
    },
};

async function digestOf(file: string, { signal, onProgress }: ReadOptions): Promise<string> {
    const source = await FileSource.open(file);
    try {
        const bytes = new HashedSource(source.read({ start: 0 }), (done) => {
            signal?.throwIfAborted();
            onProgress?.({ done, total: source.size });
        });
        await bytes.drain();
        return bytes.sha256();
    } finally {
        await source.close();
    }
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

/** Said where no input's name stands before it. */
function about(location: string, error: unknown): unknown {
    return isImageError(error) ? new EdgeError(`${nameOf(location)} ${error.message}`) : error;
}

/** Whether an error says that the image could not be looked at, rather than that something else went wrong. */
export function isImageError(error: unknown): error is ImageError {
    return error instanceof ImageError;
}

import type { ImageSource } from "../image/source/source";
import type { Docker } from "./docker";

/** An image of the Docker daemon as `docker save` writes it, which begins anew for each reading. */
export class SavedImage implements ImageSource {
    readonly fileName = "";
    readonly size = undefined;
    readonly identity = undefined;
    readonly takesRanges = false;

    /** By its id: a tag could have been moved since. */
    constructor(
        private readonly docker: Docker,
        private readonly imageId: string,
        /** As messages name it. */
        readonly name: string,
    ) {}

    async *read(_range: unknown, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
        const { output, ended } = this.docker.stream(["save", this.imageId], { signal });
        yield* output as AsyncIterable<Buffer>;
        // What Docker says of its own failure says more than that its archive is cut off.
        await ended;
    }

    async close(): Promise<void> {
        return Promise.resolve();
    }
}

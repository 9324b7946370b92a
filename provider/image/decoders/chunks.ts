/** Chunks of a file, in order. */
export interface ChunkSource {
    next(): Promise<Buffer | undefined>;
}

/** Takes the unpacked bytes; the decoder waits for it. */
export type Sink = (chunk: Buffer) => Promise<void> | void;

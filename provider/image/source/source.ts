import type { Host } from "../../resource/context";
import { ImageError } from "../check";

/**
 * Where an image's bytes come from: a file, a web server, an S3 bucket, an OCI registry. An open source is one
 * content: whatever is read of it, at whatever time, is of the same bytes, or the read fails.
 */
export interface ImageSource {
    /** As messages name it: a path, or an address without anything secret in it. */
    readonly name: string;
    /** Last part of its name, which tells how the image is packed. */
    readonly fileName: string;
    /** In bytes; undefined where a server tells only by ending. */
    readonly size: number | undefined;
    /** Equal only for equal bytes, on this machine and for good; undefined where nothing vouches for that. */
    readonly identity: string | undefined;
    /** SHA-256 of all bytes where the place vouches for it, as a registry does; lower-case hexadecimal. */
    readonly sha256?: string;
    /** Whether a read can begin in the middle. */
    readonly takesRanges: boolean;
    /**
     * The bytes of a range, in one request. A connection that breaks throws `NoAnswer`, and the reader asks again
     * for what is missing (`ResumingReader`, `RangeDevice`); other content than at first throws `SourceChanged`. Where
     * ranges are not taken the range is the whole.
     */
    read(range: ByteRange, signal?: AbortSignal): AsyncIterable<Buffer>;
    close(): Promise<void>;
}

/** From `start` up to, and without, `end`; without an `end`, to the end. */
export interface ByteRange {
    readonly start: number;
    readonly end?: number;
}

/** What opening a source needs: settings, environment, clock, and the way to be cancelled. */
export interface OpenOptions {
    readonly host: Host;
    readonly signal?: AbortSignal;
}

/** Opens what a location of one scheme names. It asks no more than what it takes to fill in the fields. */
export type OpenSource = (location: string, options: OpenOptions) => Promise<ImageSource>;

/** The place has other content than when it was opened. */
export class SourceChanged extends ImageError {
    constructor(name: string) {
        super(
            `${name} was changed while it was read: wait until whatever writes it has finished, then run again`,
        );
    }
}

import type { BlockDevice } from "../blockDevice";
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
    /** Random access that costs no request. Without it, `RangeDevice` makes one of ranges. */
    readonly device?: BlockDevice;
    /**
     * The bytes of a range, in one request. A connection that breaks throws `NoAnswer`, and the reader asks again
     * for what is missing (`readOn`); other content than at first throws `SourceChanged`. Where ranges are not taken
     * the only range is the whole.
     */
    read(range: ByteRange, signal?: AbortSignal): AsyncIterable<Buffer>;
    /** Throws `SourceChanged` unless the content is still the one that was opened; absent where each read tells. */
    confirm?(): Promise<void>;
    close(): Promise<void>;
}

/** From `start` up to, and without, `end`; without an `end`, to the end. */
export interface ByteRange {
    readonly start: number;
    readonly end?: number;
}

/** Other content than when it was opened. */
export class SourceChanged extends ImageError {
    constructor(detail = "") {
        super(
            `was changed while it was read${detail && ` (${detail})`}: wait until whatever writes it has finished, then run again`,
        );
    }
}

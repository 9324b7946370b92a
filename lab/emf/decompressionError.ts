/** Why a stream could not be unpacked, in the words of the platform's own readers. */
export class DecompressionError extends Error {
    constructor(
        message: string,
        /** The stream ended early, which the platform's writer does not mind. */
        readonly truncated: boolean,
    ) {
        super(message);
        this.name = "DecompressionError";
    }
}

import type { MessagePort } from "node:worker_threads";
import type { ByteRange, ImageSource } from "./source";

/** What a thread is told of a source that it reads through a port. Nothing of it is secret. */
export type SourceDescription = Pick<
    ImageSource,
    "name" | "fileName" | "size" | "identity" | "sha256" | "takesRanges"
>;

/** What the reading thread asks. Each `next` is leave to send one more chunk. */
export type SourceRequest =
    | { kind: "open"; id: number; range: ByteRange }
    | { kind: "next"; id: number }
    | { kind: "close"; id: number };

/** What it is sent. A failure is not: the thread that serves ends the one that reads. */
export type SourceReply = { kind: "chunk"; id: number; bytes: Uint8Array } | { kind: "end"; id: number };

/** Chunks on their way while one is worked on: bounds the memory between the threads. */
const WINDOW = 3;

/** A source in another thread, which has the network and the credentials (`serveSource`). */
export class PortSource implements ImageSource {
    readonly name: string;
    readonly fileName: string;
    readonly size: number | undefined;
    readonly identity: string | undefined;
    readonly takesRanges: boolean;
    private readonly incoming = new Map<number, Incoming>();
    private lastId = 0;

    constructor(
        description: SourceDescription,
        private readonly port: MessagePort,
    ) {
        this.name = description.name;
        this.fileName = description.fileName;
        this.size = description.size;
        this.identity = description.identity;
        this.takesRanges = description.takesRanges;
        port.on("message", (reply: SourceReply) => {
            this.incoming.get(reply.id)?.take(reply.kind === "chunk" ? reply.bytes : undefined);
        });
    }

    async *read(range: ByteRange): AsyncGenerator<Buffer, void, undefined> {
        const id = ++this.lastId;
        const incoming = new Incoming();
        this.incoming.set(id, incoming);
        this.ask({ kind: "open", id, range });
        for (let i = 0; i < WINDOW; i++) this.ask({ kind: "next", id });
        try {
            for (let chunk = await incoming.next(); chunk; chunk = await incoming.next()) {
                yield chunk;
                this.ask({ kind: "next", id });
            }
        } finally {
            this.incoming.delete(id);
            this.ask({ kind: "close", id });
        }
    }

    async close(): Promise<void> {
        this.port.close();
        return Promise.resolve();
    }

    private ask(request: SourceRequest): void {
        this.port.postMessage(request);
    }
}

/** Chunks that have come, or the one who waits for the next. */
class Incoming {
    private readonly chunks: (Buffer | undefined)[] = [];
    private waiting?: (chunk: Buffer | undefined) => void;

    take(bytes: Uint8Array | undefined): void {
        const chunk = bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const { waiting } = this;
        this.waiting = undefined;
        if (waiting) waiting(chunk);
        else this.chunks.push(chunk);
    }

    async next(): Promise<Buffer | undefined> {
        if (this.chunks.length > 0) return this.chunks.shift();
        return new Promise((resolve) => {
            this.waiting = resolve;
        });
    }
}

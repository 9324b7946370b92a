import type { MessagePort } from "node:worker_threads";
import type { SourceReply, SourceRequest } from "./portSource";
import { readOn, type ReadOnOptions } from "./readOn";
import type { ByteRange, ImageSource } from "./source";

/** Small chunks, as they come from a network, are gathered: a message costs the same whatever it carries. */
const GATHERED = 1024 * 1024;
/** A slow network's bytes are not held back for longer than this. */
const HELD_BACK = 1_000;

export interface Service {
    /** Whether the other thread waits for bytes, so that it cannot be blamed for getting nowhere. */
    isOwing(): boolean;
    close(): void;
}

/** Gives another thread the bytes of a source, and nothing else of it; `onFailure` gets what ends that. */
export function serveSource(
    source: ImageSource,
    port: MessagePort,
    options: ReadOnOptions,
    onFailure: (error: unknown) => void,
): Service {
    const streams = new Map<number, Outgoing>();
    port.on("message", (request: SourceRequest) => {
        const { id } = request;
        if (request.kind === "next") streams.get(id)?.grant();
        else if (request.kind === "close") streams.get(id)?.stop();
        else {
            const stream = new Outgoing((reply) => send(port, reply), id);
            streams.set(id, stream);
            stream
                .run(source, request.range, options)
                .catch(onFailure)
                .finally(() => streams.delete(id));
        }
    });
    return {
        isOwing: () => [...streams.values()].some((stream) => stream.isOwing),
        close() {
            for (const stream of streams.values()) stream.stop();
            port.close();
        },
    };
}

function send(port: MessagePort, reply: SourceReply): void {
    port.postMessage(reply, reply.kind === "chunk" ? [reply.bytes.buffer as ArrayBuffer] : []);
}

/** One range on its way, no further ahead than it was given leave for. */
class Outgoing {
    private readonly stopped = new AbortController();
    private leave = 0;
    private granted: () => void = () => undefined;

    constructor(
        private readonly post: (reply: SourceReply) => void,
        private readonly id: number,
    ) {}

    get isOwing(): boolean {
        return this.leave > 0;
    }

    grant(): void {
        this.leave++;
        this.granted();
    }

    stop(): void {
        this.stopped.abort();
        this.granted();
    }

    async run(source: ImageSource, range: ByteRange, options: ReadOnOptions): Promise<void> {
        const { signal: stop } = this.stopped;
        const signal = options.signal ? AbortSignal.any([options.signal, stop]) : stop;
        try {
            for await (const bytes of gathered(readOn(source, range, { ...options, signal }))) {
                while (this.leave === 0 && !signal.aborted) await this.nextGrant();
                if (signal.aborted) return;
                this.leave--;
                this.post({ kind: "chunk", id: this.id, bytes });
            }
            this.post({ kind: "end", id: this.id });
        } catch (error) {
            if (!stop.aborted) throw error;
        }
    }

    private nextGrant(): Promise<void> {
        return new Promise((resolve) => {
            this.granted = resolve;
        });
    }
}

/** In memory of its own each, which can be handed to another thread without a copy. */
async function* gathered(chunks: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void, undefined> {
    let parts: Buffer[] = [];
    let length = 0;
    let since = Date.now();
    for await (const chunk of chunks) {
        parts.push(chunk);
        length += chunk.length;
        if (length < GATHERED && Date.now() - since < HELD_BACK) continue;
        yield joined(parts, length);
        parts = [];
        length = 0;
        since = Date.now();
    }
    if (length > 0) yield joined(parts, length);
}

function joined(parts: readonly Buffer[], length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
    }
    return bytes;
}

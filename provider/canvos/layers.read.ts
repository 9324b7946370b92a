import * as crypto from "node:crypto";
import { ImageDamage } from "../image/check";
import type { FoundSecret, Layer, LayerChange, LayerNode } from "./layers.node";
import type { Spool } from "./layers.spool";
import { stepsOf, type TarEntry, TarReader } from "./layers.tar";
import { VersionSearch } from "./layers.versions";
import type { SecretSearch } from "./verify.secretSearch";

/** What is looked for while layers are read. */
export interface LayerReading {
    secrets: SecretSearch;
    /** Whether a file's content will be looked into. */
    keeps: (path: string, size: number) => boolean;
    spool: Spool;
    /** Told of every secret that is found. */
    onSecret: (found: FoundSecret) => void;
}

const MOST_CHANGES = 2_000_000;
const HEAD = 64;
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** Reads one layer, an unpacked tar archive, in pieces as they come. */
export class LayerReader {
    private readonly hash = crypto.createHash("sha256");
    private readonly changes: LayerChange[] = [];
    private readonly tar: TarReader;
    private sizeBytes = 0;

    constructor(private readonly reading: LayerReading) {
        this.tar = new TarReader((entry, content) => this.take(entry, content));
    }

    async write(chunk: Buffer): Promise<void> {
        this.hash.update(chunk);
        this.sizeBytes += chunk.length;
        await this.tar.write(chunk);
    }

    async end(): Promise<Layer> {
        await this.tar.end();
        const { changes, sizeBytes } = this;
        return { diffId: `sha256:${this.hash.digest("hex")}`, sizeBytes, changes };
    }

    close(): void {
        this.tar.close();
    }

    private async take(entry: TarEntry, content: AsyncIterable<Buffer>): Promise<void> {
        if (this.changes.length >= MOST_CHANGES)
            throw new ImageDamage("a layer has more than 2 million files");
        this.searchNames(entry);
        const change = await this.changeOf(entry, content);
        if (change) this.changes.push(change);
    }

    private async changeOf(
        entry: TarEntry,
        content: AsyncIterable<Buffer>,
    ): Promise<LayerChange | undefined> {
        const { path } = entry;
        const last = path.at(-1) ?? "";
        if (last === OPAQUE) return { kind: "empty", path: path.slice(0, -1) };
        if (last.startsWith(WHITEOUT)) {
            return { kind: "remove", path: [...path.slice(0, -1), last.slice(WHITEOUT.length)] };
        }
        switch (entry.type) {
            case "file":
            case "contiguous-file":
                return { kind: "put", path, node: await this.readFile(entry, content) };
            case "directory":
                return { kind: "put", path, node: { ...owned(entry), kind: "folder", size: 0 } };
            case "symlink":
                return {
                    kind: "put",
                    path,
                    node: {
                        ...owned(entry),
                        kind: "link",
                        size: Buffer.byteLength(entry.target),
                        target: entry.target,
                    },
                };
            case "link":
                return { kind: "hard-link", path, to: stepsOf(entry.target) };
            case "character-device":
            case "block-device":
            case "fifo":
                return { kind: "put", path, node: { ...owned(entry), kind: "other", size: 0 } };
            default:
                return undefined;
        }
    }

    private async readFile(entry: TarEntry, content: AsyncIterable<Buffer>): Promise<LayerNode> {
        const { path, size, mode } = entry;
        const name = `/${path.join("/")}`;
        const { spool, secrets, keeps, onSecret } = this.reading;
        const hash = crypto.createHash("sha256");
        const search = secrets.start((hit) => onSecret({ name: hit.name, form: hit.form, where: name }));
        const versions = VersionSearch.of(path.at(-1) ?? "");
        const offset = spool.end;
        const isKept = keeps(name, size);
        let head: Buffer | undefined;
        let done = 0;
        for await (const chunk of content) {
            // What decides about a program stands at its beginning.
            if (done === 0 && (mode & 0o111) !== 0) head = Buffer.from(chunk.subarray(0, HEAD));
            done += chunk.length;
            hash.update(chunk);
            search.push(chunk);
            versions?.push(chunk);
            if (isKept) spool.add(chunk);
        }
        if (done !== size)
            throw new ImageDamage(`the archive of a layer ends inside a file (${name.slice(0, 80)})`);
        return {
            ...owned(entry),
            kind: "file",
            size,
            sha256: hash.digest("hex"),
            ...(isKept ? { content: { offset, length: size } } : {}),
            ...(head ? { head } : {}),
            ...(versions ? { versions: versions.found() } : {}),
        };
    }

    private searchNames({ name, target }: TarEntry): void {
        const { secrets, onSecret } = this.reading;
        const search = secrets.start((hit) =>
            onSecret({ name: hit.name, form: hit.form, where: "the name of a file" }),
        );
        search.push(Buffer.from(`${name}\0${target}`));
    }
}

function owned({ mode, uid, gid }: TarEntry): Pick<LayerNode, "mode" | "uid" | "gid"> {
    return { mode, uid, gid };
}

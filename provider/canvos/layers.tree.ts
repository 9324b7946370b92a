import { ImageDamage, printable } from "../image/check";
import { type Entry, ImageTree, NotReadableHere, type RawStats, type TreeFiles } from "../image/root/tree";
import type { Layer, LayerChange, LayerNode } from "./layers.node";
import type { Spool } from "./layers.spool";

/** The files of an image: its layers, one laid over the other. */
export class LayerTree extends ImageTree {
    constructor(
        private readonly root: LayerNode,
        spool: Spool,
    ) {
        super({ promises: new LayerFiles(root, spool) });
    }

    /** Known of every file, also of those whose content was not kept. */
    override async sha256(path: string): Promise<string | undefined> {
        const real = await this.resolve(path, true);
        return real === undefined ? undefined : nodeAt(this.root, stepsIn(real))?.sha256;
    }

    override async readHead(path: string, length: number): Promise<Buffer | undefined> {
        const real = await this.resolve(path, true);
        const node = real === undefined ? undefined : nodeAt(this.root, stepsIn(real));
        return node?.head ? node.head.subarray(0, length) : super.readHead(path, length);
    }

    /** Files of these names, wherever they are. */
    findFiles(names: ReadonlySet<string>): { path: string; node: LayerNode }[] {
        const found: { path: string; node: LayerNode }[] = [];
        const ahead: { path: string; node: LayerNode }[] = [{ path: "", node: this.root }];
        for (let here = ahead.pop(); here; here = ahead.pop()) {
            for (const [name, node] of here.node.children ?? []) {
                const path = `${here.path}/${name}`;
                if (node.kind === "folder") ahead.push({ path, node });
                else if (node.kind === "file" && names.has(name)) found.push({ path, node });
            }
        }
        return found.sort((a, b) => (a.path < b.path ? -1 : 1));
    }

    /** The entry at a path itself, none of the links on the way followed. */
    physical(path: string): Pick<Entry, "kind" | "mode" | "size"> | undefined {
        return nodeAt(this.root, stepsIn(path));
    }
}

/**
 * Lays layers over each other, the lowest first, as the overlay file system that images run on does: what a layer takes
 * away is only what is below it, and a file of a layer below a link of a lower one makes a folder of it.
 */
export function mergeLayers(layers: readonly Layer[]): LayerNode {
    const root = newFolder();
    for (const { changes } of layers) {
        for (const change of changes) takeAway(root, change);
        for (const change of changes) put(root, change);
    }
    return root;
}

function takeAway(root: LayerNode, change: LayerChange): void {
    if (change.kind === "remove") {
        nodeAt(root, change.path.slice(0, -1))?.children?.delete(change.path.at(-1) ?? "");
    } else if (change.kind === "empty") {
        nodeAt(root, change.path)?.children?.clear();
    }
}

function put(root: LayerNode, change: LayerChange): void {
    if (change.kind !== "put" && change.kind !== "hard-link") return;
    const { path } = change;
    const name = path.at(-1);
    const node = change.kind === "put" ? change.node : nodeAt(root, change.to);
    if (!node || (change.kind === "hard-link" && node.kind === "folder")) {
        throw new ImageDamage(
            `${printable(path.join("/"))} in a layer is a link to a file that is not there`,
        );
    }
    if (name === undefined) {
        if (node.kind === "folder") Object.assign(root, { ...node, children: root.children });
        return;
    }
    const siblings = folderAt(root, path.slice(0, -1));
    const there = siblings.get(name);
    if (node.kind !== "folder") siblings.set(name, node);
    // The layer's own record is not added to: layers can be laid over each other again.
    else siblings.set(name, { ...node, children: there?.children ?? new Map<string, LayerNode>() });
}

function folderAt(root: LayerNode, path: readonly string[]): Map<string, LayerNode> {
    let here = root;
    for (const step of path) {
        const children = (here.children ??= new Map<string, LayerNode>());
        let next = children.get(step);
        if (next?.kind !== "folder") {
            next = newFolder();
            children.set(step, next);
        }
        here = next;
    }
    return (here.children ??= new Map<string, LayerNode>());
}

function nodeAt(root: LayerNode, path: readonly string[]): LayerNode | undefined {
    let here: LayerNode | undefined = root;
    for (const step of path) here = here?.children?.get(step);
    return here;
}

function newFolder(): LayerNode {
    return { kind: "folder", mode: 0o755, uid: 0, gid: 0, size: 0, children: new Map() };
}

function stepsIn(path: string): string[] {
    return path.split("/").filter((step) => step !== "");
}

const FORMATS: Readonly<Record<LayerNode["kind"], number>> = {
    file: 0o100000,
    folder: 0o040000,
    link: 0o120000,
    other: 0o060000,
};

class LayerFiles implements TreeFiles {
    private readonly opened = new Map<number, LayerNode>();
    private next = 1;

    constructor(
        private readonly root: LayerNode,
        private readonly spool: Spool,
    ) {}

    async lstat(path: string): Promise<RawStats> {
        const { kind, mode, uid, gid, size } = this.at(path);
        return { mode: FORMATS[kind] | mode, uid, gid, size };
    }

    async readdir(path: string): Promise<string[]> {
        return [...(this.at(path).children?.keys() ?? [])];
    }

    async readlink(path: string): Promise<string> {
        return this.at(path).target ?? "";
    }

    async open(path: string): Promise<{ readonly fd: number }> {
        const node = this.at(path);
        if (!node.content)
            throw new NotReadableHere(`${printable(path)} was not kept while the layers were read`);
        const fd = this.next++;
        this.opened.set(fd, node);
        return { fd };
    }

    async close(fd: number): Promise<void> {
        this.opened.delete(fd);
    }

    async read(
        fd: number,
        buffer: Buffer,
        offset: number,
        length: number,
        position: number,
    ): Promise<{ bytesRead: number }> {
        const content = this.opened.get(fd)?.content;
        return { bytesRead: content ? this.spool.read(content, position, buffer, offset, length) : 0 };
    }

    private at(path: string): LayerNode {
        const node = nodeAt(this.root, stepsIn(path));
        if (node) return node;
        throw Object.assign(new Error(`there is no ${path}`), { code: "ENOENT" });
    }
}

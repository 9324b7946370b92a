import type { Spooled } from "./layers.spool";

/** A file, folder or link of an image. */
export interface LayerNode {
    kind: "file" | "folder" | "link" | "other";
    mode: number;
    uid: number;
    gid: number;
    size: number;
    /** Of a link, as it is written. */
    target?: string;
    /** Of a file: lower-case hexadecimal. */
    sha256?: string;
    /** Of a file that is looked into. */
    content?: Spooled;
    /** Its first bytes, of a program. */
    head?: Buffer;
    /** Of a Kubernetes program: versions that it names. */
    versions?: string[];
    children?: Map<string, LayerNode>;
}

/** What one entry of a layer does to the layers below it. */
export type LayerChange =
    | { kind: "put"; path: readonly string[]; node: LayerNode }
    | { kind: "hard-link"; path: readonly string[]; to: readonly string[] }
    /** `.wh.name`: what lies there in lower layers is gone. */
    | { kind: "remove"; path: readonly string[] }
    /** `.wh..wh..opq`: whatever lower layers have in the folder is gone. */
    | { kind: "empty"; path: readonly string[] };

/** One layer, read. */
export interface Layer {
    /** `sha256:…` of the unpacked archive, which the image's configuration names it by. */
    diffId: string;
    /** Unpacked. */
    sizeBytes: number;
    changes: readonly LayerChange[];
}

/** A secret of the build in something that it has made. */
export interface FoundSecret {
    /** What the secret is called. */
    name: string;
    /** How it was written: `as it is`, `base64`. */
    form: string;
    /** File, or part of the image. */
    where: string;
}

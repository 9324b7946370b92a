import { failed, type ImageCheck, notChecked } from "../check";
import type { Compression } from "../compression";
import type { ContentExpectations } from "../expect.schema";
import type { ImageFormat } from "../format";
import type { PartitionSummary } from "../inspection";
import type { ContentPart, RootContents } from "../root/contents";
import type { ImageTree } from "../root/tree";

/** All that an image is judged by. */
export interface Seen {
    format: ImageFormat;
    compression: Compression;
    diskBytes: number;
    partitions: readonly PartitionSummary[];
    /** The root file system; absent where none was found, or none that is readable here. */
    root?: { partition: number; tree: ImageTree; contents: RootContents };
    /** How the search for it ended. */
    rootCheck: ImageCheck;
}

/** One set of rules over what was seen. */
export type Rules = (expect: ContentExpectations, seen: Seen) => ImageCheck[] | Promise<ImageCheck[]>;

/**
 * What the root file system says on one matter, or the answer where it says nothing: not checked where it could not be
 * read, failed where there is no root file system at all.
 */
export function partOf<P extends ContentPart>(
    { root, rootCheck }: Seen,
    part: P,
    id: string,
): { value: NonNullable<RootContents[P]> } | { check: ImageCheck } {
    if (!root) return { check: withoutRoot(rootCheck, id) };
    const value = root.contents[part];
    if (value !== undefined) return { value };
    const { unread, damaged = [] } = root.contents;
    // Whether cloud-init runs is told by the units.
    const source: ContentPart = part === "cloudInit" && unread[part] === undefined ? "units" : part;
    const why = unread[source];
    if (why === undefined) return { check: failed(id, "nothing", ABSENT[part]) };
    const message = `could not be looked at: ${why}`;
    const isDamaged = damaged.includes(source);
    return { check: isDamaged ? failed(id, "damaged", message) : notChecked(id, "unreadable", message) };
}

/** The answer to whatever is asked of a root file system that is not there, or not readable here. */
export function withoutRoot({ verdict, seen }: ImageCheck, id: string): ImageCheck {
    return verdict === "not-checked"
        ? notChecked(id, seen, "could not be looked at: the root file system is not readable here")
        : failed(id, "no root file system", "cannot hold, since the image has no readable root file system");
}

const ABSENT: Readonly<Record<ContentPart, string>> = {
    os: "the root file system does not say which distribution it is (os-release)",
    architecture: "no program was found whose architecture could be told",
    packages: "there is no list of packages (dpkg or rpm)",
    kernels: "there is no kernel",
    units: "there are no systemd units",
    cloudInit: "there is no cloud-init",
    pci: "there are no kernel modules",
};

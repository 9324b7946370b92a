import { failed, type ImageCheck, ImageDamage, passed } from "../image/check";
import type { ImageTree } from "../image/root/tree";
import type { ExpectedFile, ExpectedLink } from "./verify.types";

/** A file that was put into a build is in what came out: there, the same bytes, the same permissions. */
export async function judgeExpectedFile(
    id: string,
    expected: ExpectedFile | ExpectedLink,
    tree: ImageTree,
): Promise<ImageCheck> {
    try {
        return "target" in expected
            ? await judgeLink(id, expected, tree)
            : await judgeFile(id, expected, tree);
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return failed(id, "damaged", `could not be looked at: ${error.message}`);
    }
}

async function judgeFile(id: string, expected: ExpectedFile, tree: ImageTree): Promise<ImageCheck> {
    const { path, sha256, mode } = expected;
    const entry = await tree.entry(path);
    if (!entry) return failed(id, "absent", `${path} is not in the image, though it was given to the build`);
    if (entry.kind !== "file")
        return failed(id, entry.kind, `${path} is a ${entry.kind}, not the file that was given`);
    const found = await tree.sha256(path, Infinity);
    const seen = `${entry.size} bytes, mode ${octal(entry.mode)}`;
    if (found !== sha256) {
        return failed(
            id,
            seen,
            `${path} is not the file that was given: its SHA-256 is ${found ?? "unknown"}, not ${sha256}`,
        );
    }
    if (mode !== undefined && (entry.mode & 0o777) !== mode) {
        return failed(
            id,
            seen,
            `${path} has mode ${octal(entry.mode)}, not ${octal(mode)} as the file that was given`,
        );
    }
    return passed(id, seen);
}

async function judgeLink(id: string, { path, target }: ExpectedLink, tree: ImageTree): Promise<ImageCheck> {
    const found = await tree.linkTarget(path);
    if (found === target) return passed(id, `link to ${target}`);
    const seen = found === undefined ? "no link" : `link to ${found}`;
    return failed(id, seen, `${path} is ${seen} in the image, not a link to ${target}`);
}

function octal(mode: number): string {
    return mode.toString(8).padStart(4, "0");
}

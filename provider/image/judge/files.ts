import * as crypto from "node:crypto";
import { failed, type ImageCheck, ImageDamage, notChecked, passed } from "../check";
import type { ContentExpectations } from "../expect.schema";
import { type Entry, type ImageTree, NotReadableHere } from "../root/tree";
import { type Seen, withoutRoot } from "./seen";

type ExpectedFile = NonNullable<ContentExpectations["files"]>[number];

const MAX_HASHED = 512 * 2 ** 20;
const MAX_COMPARED = 16 * 2 ** 20;
const MAX_PASSWD = 2 ** 20;

/** Files: there or not, permissions, owner, content. */
export async function judgeFiles({ files = [] }: ContentExpectations, seen: Seen): Promise<ImageCheck[]> {
    const checks: ImageCheck[] = [];
    for (const file of files) {
        const id = `file.${file.path}`;
        checks.push(seen.root ? await judgeFile(id, file, seen.root.tree) : withoutRoot(seen.rootCheck, id));
    }
    return checks;
}

async function judgeFile(id: string, expected: ExpectedFile, tree: ImageTree): Promise<ImageCheck> {
    try {
        return await lookAtFile(id, expected, tree);
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        const message = `could not be looked at: ${error.message}`;
        return error instanceof NotReadableHere
            ? notChecked(id, "unreadable", message)
            : failed(id, "damaged", message);
    }
}

async function lookAtFile(id: string, expected: ExpectedFile, tree: ImageTree): Promise<ImageCheck> {
    const { path } = expected;
    if (expected.absent === true) {
        const there = await tree.linkEntry(path);
        return there
            ? failed(id, there.kind, `${path} is in the image, but must not be`)
            : passed(id, "absent");
    }
    const entry = await tree.entry(path);
    if (!entry) {
        const target = await tree.linkTarget(path);
        if (target === undefined) return failed(id, "absent", `${path} is not in the image`);
        return failed(id, `link to ${target}`, `${path} is a link to ${target}, which is not in the image`);
    }
    const wrong = [
        wrongMode(expected, entry),
        await wrongOwner(expected, entry, tree),
        await wrongContent(expected, entry, tree),
    ].filter((problem) => problem !== undefined);
    const seen = `${entry.kind}, mode ${octal(entry.mode)}, owner ${entry.uid}:${entry.gid}, ${entry.size} bytes`;
    return wrong.length === 0 ? passed(id, seen) : failed(id, seen, `${path} ${wrong.join("; ")}`);
}

function wrongMode({ mode }: ExpectedFile, entry: Entry): string | undefined {
    if (mode === undefined || Number.parseInt(mode, 8) === entry.mode) return undefined;
    return `has mode ${octal(entry.mode)}, not ${mode}`;
}

function octal(mode: number): string {
    return mode.toString(8).padStart(4, "0");
}

async function wrongOwner(
    { owner }: ExpectedFile,
    entry: Entry,
    tree: ImageTree,
): Promise<string | undefined> {
    if (owner === undefined) return undefined;
    const [user = "", group] = owner.split(":");
    const uid = await idOf(tree, "/etc/passwd", user);
    const gid = group === undefined ? entry.gid : await idOf(tree, "/etc/group", group);
    if (uid === undefined) return `must belong to ${user}, a user that the image does not know`;
    if (gid === undefined) return `must belong to group ${group ?? ""}, which the image does not know`;
    return uid === entry.uid && gid === entry.gid
        ? undefined
        : `belongs to ${entry.uid}:${entry.gid}, not to ${owner} (${uid}:${gid})`;
}

async function idOf(tree: ImageTree, file: string, name: string): Promise<number | undefined> {
    if (/^[0-9]+$/.test(name)) return Number(name);
    const text = (await tree.readText(file, MAX_PASSWD)) ?? "";
    for (const line of text.split("\n")) {
        const [found, , id] = line.split(":");
        if (found === name && id !== undefined && /^[0-9]+$/.test(id)) return Number(id);
    }
    return undefined;
}

async function wrongContent(
    { path, sha256, content, contains }: ExpectedFile,
    entry: Entry,
    tree: ImageTree,
): Promise<string | undefined> {
    if (sha256 === undefined && content === undefined && contains === undefined) return undefined;
    if (entry.kind !== "file") return `is a ${entry.kind}, not a file`;
    if (sha256 !== undefined) {
        const found = await tree.sha256(path, MAX_HASHED);
        if (found !== sha256) return `has SHA-256 ${found ?? "unknown"}, not ${sha256}`;
    }
    // Contents may be secrets, so neither side of the comparison is shown.
    if (content !== undefined && (await tree.sha256(path, MAX_COMPARED)) !== digestOf(content)) {
        return "has another content";
    }
    if (contains === undefined) return undefined;
    const bytes = (await tree.read(path, MAX_COMPARED)) ?? Buffer.alloc(0);
    return bytes.includes(contains) ? undefined : "does not contain the expected text";
}

function digestOf(text: string): string {
    return crypto.createHash("sha256").update(text).digest("hex");
}

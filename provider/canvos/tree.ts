import * as fs from "node:fs/promises";
import * as path from "node:path";
import { EdgeError, messageOf } from "../resource/errors";
import { writeArgFile } from "./argFile";
import type { BuildPlan, PlacedText, Placement } from "./build.plan";
import type { Git } from "./git";

type Tree = Pick<BuildPlan, "known" | "variables" | "placements" | "texts">;

/** Makes the private checkout that a build works in: the commit, what was changed, and everything the program gives. */
export async function prepareTree(
    tree: string,
    { known, variables, placements, texts }: Tree,
    git: Git,
    signal: AbortSignal,
): Promise<void> {
    const { repository, commit, changed } = known;
    // Not linked: containers of the build run as root, and could write through links into the user's repository.
    await git.run(["clone", "-q", "--no-hardlinks", "--no-checkout", "--", repository, tree], { signal });
    await git.run(["checkout", "-q", "--detach", commit], { cwd: tree, signal });
    for (const { name, isGone } of changed) {
        if (isGone) await fs.rm(path.join(tree, name), { recursive: true, force: true });
        else await copyInto(tree, { from: path.join(repository, name), to: name });
    }
    for (const placement of placements) await copyInto(tree, placement);
    for (const text of texts) await writeText(tree, text);
    await fs.writeFile(path.join(tree, ".arg"), writeArgFile(variables), { mode: 0o600 });
}

async function copyInto(tree: string, { from, to }: Placement): Promise<void> {
    const target = inside(tree, to);
    try {
        await fs.mkdir(path.dirname(target), { recursive: true });
        // Links stay what they are: those that lead out of the folder would lead elsewhere in an image.
        await fs.cp(from, target, { recursive: true, force: true, verbatimSymlinks: true });
        await keepModes(from, target);
    } catch (error) {
        throw new EdgeError(`${from} cannot be copied into the build's checkout: ${messageOf(error)}`);
    }
}

/** Copying a folder over one that is there leaves the modes of that one's folders. */
async function keepModes(from: string, target: string): Promise<void> {
    const stat = await fs.lstat(from);
    if (stat.isSymbolicLink()) return;
    await fs.chmod(target, stat.mode & 0o7777);
    if (!stat.isDirectory()) return;
    for (const name of await fs.readdir(from))
        await keepModes(path.join(from, name), path.join(target, name));
}

async function writeText(tree: string, { to, text, isAddition, mode }: PlacedText): Promise<void> {
    const target = inside(tree, to);
    await fs.mkdir(path.dirname(target), { recursive: true });
    const before = isAddition === true ? await fs.readFile(target, "utf8") : "";
    const gap = before === "" || before.endsWith("\n") ? "" : "\n";
    await fs.writeFile(target, before + gap + text);
    if (mode !== undefined) await fs.chmod(target, mode);
}

function inside(tree: string, name: string): string {
    const target = path.resolve(tree, name);
    if (target.startsWith(tree + path.sep)) return target;
    throw new EdgeError(`${name} is outside the checkout`);
}

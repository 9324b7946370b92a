import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { addTree } from "../process/treeDigest";
import type { Placement } from "./build.plan";
import type { KnownCheckout } from "./checkout";
import type { Git } from "./git";

/** A folder of a checkout, with what was changed in it and what the program lays over it. */
export interface CheckoutFolder {
    /** Names relative to the checkout. */
    readonly names: readonly string[];
    text(name: string): Promise<string>;
    /** Of what a build in `below` can read. */
    digest(below: string): Promise<string>;
}

/** Reads a folder of a commit; the repository has to have it. */
export async function readFolder(
    git: Git,
    { repository: cwd, commit, changed }: KnownCheckout,
    folder: string,
    placements: readonly Placement[],
): Promise<CheckoutFolder> {
    const isInside = (name: string): boolean => name === folder || name.startsWith(`${folder}/`);
    const ids = new Map<string, string>();
    const listing = await git.run(["ls-tree", "-r", "-z", commit, "--", `${folder}/`], { cwd });
    for (const line of listing.split("\0").filter(Boolean)) {
        const [what = "", name = ""] = line.split("\t");
        ids.set(name, what);
    }
    const own = new Map<string, string>();
    for (const { name, isGone } of changed.filter((each) => isInside(each.name))) {
        ids.delete(name);
        if (!isGone) own.set(name, path.join(cwd, name));
    }
    for (const { from, to } of placements.filter((each) => isInside(each.to))) {
        ids.delete(to);
        own.set(to, from);
    }
    return {
        names: [...ids.keys(), ...own.keys()].sort(),
        async text(name) {
            const file = own.get(name);
            return file === undefined
                ? git.run(["cat-file", "blob", `${commit}:${name}`], { cwd })
                : fs.readFile(file, "utf8");
        },
        async digest(below) {
            const isRead = (name: string): boolean => name === below || name.startsWith(`${below}/`);
            const hash = crypto.createHash("sha256");
            hash.update(JSON.stringify([...ids].filter(([name]) => isRead(name)).sort()));
            for (const [name, file] of [...own].filter(([each]) => isRead(each)).sort()) {
                hash.update(`\0${name}\0`);
                await addTree(hash, file);
            }
            return hash.digest("hex");
        },
    };
}

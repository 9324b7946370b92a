import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { addTree } from "../process/treeDigest";
import { readArgFile } from "./argFile";
import { readEarthfile, scriptVariables } from "./earthfile";
import { GitFailure, type Git } from "./git";
import { readKubernetesVersions } from "./kubernetesVersions";
import type { Checkout } from "./rules";

/** A checkout as far as it is known without making one. */
export interface KnownCheckout {
    /** The commit, and where files were changed since, a digest of those after it. */
    identity: string;
    commit: string;
    /** Address that the commit is fetched from, where it is not here. */
    origin?: string;
    /** Repository that has the commit: a private copy, or the user's checkout, which is only read. */
    repository: string;
    /** Files that differ from the commit, relative to the checkout; of a folder only. */
    changed: readonly ChangedFile[];
    checkout: Checkout;
}

export interface ChangedFile {
    name: string;
    isGone: boolean;
}

const NEEDED = ["Earthfile", "earthly.sh", ".arg.template"] as const;
const VERSIONS = "k8s_version.json";

/** The files of a commit that say what it builds, as texts: they never change. */
export interface CheckoutTexts {
    tag?: string;
    files: Readonly<Record<string, string>>;
}

export function isCheckoutTexts(value: unknown): value is CheckoutTexts {
    return typeof (value as Partial<CheckoutTexts> | null)?.files === "object";
}

export async function readCommit(
    git: Git,
    repository: string,
    commit: string,
    ref: string,
): Promise<CheckoutTexts> {
    const files: Record<string, string> = {};
    for (const name of [...NEEDED, VERSIONS]) {
        try {
            files[name] = await git.run(["cat-file", "blob", `${commit}:${name}`], { cwd: repository });
        } catch (error) {
            if (!(error instanceof GitFailure)) throw error;
        }
    }
    const tag = await tagOf(git, repository, commit, ref);
    return { ...(tag === undefined ? {} : { tag }), files };
}

/** What a commit of a repository holds. */
export function knownCommit(
    { origin, repository, commit }: { origin: string; repository: string; commit: string },
    { tag, files }: CheckoutTexts,
): KnownCheckout {
    return {
        ...{ identity: commit, origin, commit, repository, changed: [] },
        checkout: checkoutOf(`commit ${commit.slice(0, 12)} of the repository`, files, tag),
    };
}

/** A user's checkout as it is, with what was changed and added in it. Ignored files are none of its content. */
export async function lookAtFolder(git: Git, folder: string): Promise<KnownCheckout> {
    if (!fs.existsSync(folder)) throw new UnavailableHere(`there is no folder ${folder}`);
    const top = await git.run(["rev-parse", "--show-toplevel"], { cwd: folder }).catch((error: unknown) => {
        if (!(error instanceof GitFailure)) throw error;
        throw new EdgeError(
            `${folder} is no git checkout: CanvOS takes versions from git, so clone it instead of unpacking an archive`,
        );
    });
    if (fs.realpathSync(folder) !== fs.realpathSync(top.trim())) {
        throw new EdgeError(`${folder} is not the top of a checkout: that is ${top.trim()}`);
    }
    const commit = (await git.run(["rev-parse", "HEAD"], { cwd: folder })).trim();
    const changed = await changedFiles(git, folder);
    const files: Record<string, string> = {};
    for (const name of [...NEEDED, VERSIONS]) {
        const file = path.join(folder, name);
        if (fs.existsSync(file)) files[name] = fs.readFileSync(file, "utf8");
    }
    return {
        identity: changed.length === 0 ? commit : `${commit}-${await digestOf(folder, changed)}`,
        ...{ commit, repository: folder, changed },
        checkout: checkoutOf(folder, files, await tagOf(git, folder, commit, "")),
    };
}

function checkoutOf(
    where: string,
    files: Readonly<Record<string, string>>,
    tag: string | undefined,
): Checkout {
    const [earthfile, script, template] = NEEDED.map((name) => files[name]);
    if (earthfile === undefined || script === undefined || template === undefined) {
        const missing = NEEDED.filter((name) => files[name] === undefined);
        throw new EdgeError(`${where} is not CanvOS: it has no ${missing.join(", no ")}`);
    }
    const versions = files[VERSIONS];
    return {
        ...(tag === undefined ? {} : { tag }),
        earthfile: readEarthfile(earthfile),
        template: readArgFile(template).variables,
        ...(versions === undefined ? {} : { versions: readKubernetesVersions(versions) }),
        ...{ script, scriptVariables: scriptVariables(script) },
        // They are in no commit: a build gets those that are given to it.
        hasSecureBootKeys: false,
    };
}

/** As `git describe --abbrev=0 --tags` says in a build: the tag that was asked for, where there are two on a commit. */
async function tagOf(git: Git, repository: string, commit: string, ref: string): Promise<string | undefined> {
    const run = (...args: string[]): Promise<string | undefined> =>
        git.run(args, { cwd: repository }).then(
            (text) => text.trim(),
            () => undefined,
        );
    if (ref !== "" && (await run("rev-parse", "-q", "--verify", `refs/tags/${ref}^{commit}`)) === commit)
        return ref;
    return run("describe", "--abbrev=0", "--tags", commit);
}

async function changedFiles(git: Git, folder: string): Promise<ChangedFile[]> {
    const args = [
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignore-submodules=none",
    ];
    const listing = await git.run(args, { cwd: folder });
    const names = listing
        .split("\0")
        .filter(Boolean)
        .map((entry) => entry.slice(3));
    return names.sort().map((name) => ({
        name,
        isGone: fs.lstatSync(path.join(folder, name), { throwIfNoEntry: false }) === undefined,
    }));
}

async function digestOf(folder: string, changed: readonly ChangedFile[]): Promise<string> {
    const hash = crypto.createHash("sha256");
    for (const { name, isGone } of changed) {
        hash.update(`${name}\0${isGone ? "gone" : "here"}\0`);
        if (!isGone) await addTree(hash, path.join(folder, name));
    }
    return hash.digest("hex").slice(0, 16);
}

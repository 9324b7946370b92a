import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { FileLock } from "../process/fileLock";
import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";
import { GitFailure, type Git, type GitOptions } from "./git";
import { isCommit, type GitSource } from "./source";

/** A look-up for a check has to be quick, or is left for later. */
const LOOK_UP_LIMIT = 5000;

type Wait = (milliseconds: number) => Promise<void>;

/** Private copies of repositories, one for each address: only what is new is fetched, and nothing is ever dropped. */
export class Repositories {
    private readonly refs = new Map<string, Promise<string | undefined>>();

    constructor(
        private readonly git: Git,
        private readonly folder: string,
    ) {}

    /** The commit that a ref names now; asked once a run. */
    commitOf({ git: url, ref }: GitSource, options: Pick<GitOptions, "signal"> = {}): Promise<string> {
        if (isCommit(ref)) return Promise.resolve(ref);
        const key = `${url}\0${ref}`;
        const known = this.refs.get(key) ?? this.askRemote(url, ref, options);
        this.refs.set(key, known);
        known.catch(() => this.refs.delete(key));
        return known.then((commit) => {
            if (commit !== undefined) return commit;
            throw new EdgeError(`${url} has no tag or branch ${ref}`);
        });
    }

    /** The folder of the copy, which has the commit. */
    async withCommit(
        url: string,
        commit: string,
        options: { signal?: AbortSignal; sleep: Wait },
    ): Promise<string> {
        const copy = this.copyOf(url);
        if (await this.has(copy, commit)) return copy;
        const lock = await FileLock.take(`${copy}.lock`, { what: url, sleep: options.sleep });
        try {
            if (!(await this.has(copy, commit))) await this.fetch(copy, url, commit, options);
        } finally {
            lock.release();
        }
        return copy;
    }

    copyOf(url: string): string {
        const digest = crypto.createHash("sha256").update(url).digest("hex").slice(0, 16);
        return path.join(this.folder, `${digest}.git`);
    }

    private async askRemote(
        url: string,
        ref: string,
        options: Pick<GitOptions, "signal">,
    ): Promise<string | undefined> {
        const names = [`refs/tags/${ref}`, `refs/tags/${ref}^{}`, `refs/heads/${ref}`];
        const listing = await this.reach(url, ["ls-remote", "--", url, ...names], {
            ...options,
            timeLimit: LOOK_UP_LIMIT,
        });
        const found = new Map(
            listing.split("\n").map((line) => line.split("\t").reverse() as [string, string]),
        );
        // A tag with a message is an object of its own; what it points at is the commit.
        return (
            found.get(`refs/tags/${ref}^{}`) ??
            found.get(`refs/tags/${ref}`) ??
            found.get(`refs/heads/${ref}`)
        );
    }

    private async has(copy: string, commit: string): Promise<boolean> {
        if (!fs.existsSync(copy)) return false;
        return this.git.run(["cat-file", "-e", `${commit}^{commit}`], { cwd: copy }).then(
            () => true,
            () => false,
        );
    }

    private async fetch(copy: string, url: string, commit: string, { signal }: GitOptions): Promise<void> {
        fs.mkdirSync(path.dirname(copy), { recursive: true, mode: 0o700 });
        removeLocks(copy);
        // Of one that is there it only adds what is missing: a run may have been killed while it made it.
        await this.git.run(["init", "-q", "--bare", copy]);
        // A tag that was moved leaves its old commit to no one, which a build may still be of.
        await this.git.run(["config", "gc.auto", "0"], { cwd: copy });
        const all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        await this.reach(url, ["fetch", "-q", "--no-tags", "--", url, ...all], { cwd: copy, signal });
        if (await this.has(copy, commit)) return;
        try {
            const args = ["fetch", "-q", "--no-tags", "--", url, commit];
            await this.git.run(args, { cwd: copy, signal, remote: url });
        } catch (error) {
            if (!(error instanceof GitFailure)) throw error;
        }
        if (await this.has(copy, commit)) return;
        throw new EdgeError(`${url} has no commit ${commit} (any more): no tag or branch leads to it`);
    }

    /** A repository that does not answer here may answer elsewhere. */
    private async reach(url: string, args: readonly string[], options: GitOptions): Promise<string> {
        try {
            return await this.git.run(args, { ...options, remote: url });
        } catch (error) {
            if (!(error instanceof GitFailure)) throw error;
            throw new UnavailableHere(
                `the repository ${url} cannot be read here (${messageOf(error)}): check the address, and for a private one ` +
                    "gitUsername, gitToken, gitCaFile and gitProxy of the settings edge-os:canvos",
            );
        }
    }
}

/** Those of a git that was killed: whoever fetches has the copy to itself. */
function removeLocks(copy: string): void {
    for (const [folder, recursive] of [
        [copy, false],
        [path.join(copy, "refs"), true],
    ] as const) {
        const names = fs.existsSync(folder) ? fs.readdirSync(folder, { recursive, encoding: "utf8" }) : [];
        for (const name of names.filter((each) => each.endsWith(".lock"))) fs.rmSync(path.join(folder, name));
    }
}

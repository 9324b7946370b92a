import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { isAlive } from "../../process/isAlive";
import { EdgeError } from "../../resource/errors";
import { SparseFile } from "../sparseFile";
import { claimOnPresent, claimsOf, isOwnedBy, releaseClaim, writeClaim } from "./claims";
import { folderClaims, writeWhole } from "./folderClaims";
import {
    digitsOf,
    EXTRA_SUFFIXES,
    extrasOf,
    type ExtraSuffix,
    type Finding,
    type ListedFile,
    type PublishedExtra,
    type PublishedFile,
    type Publisher,
    type PublishTask,
    type ReleaseOptions,
    verifiedBytes,
    type WatchOptions,
} from "./publisher";

/** Puts images into a folder that a web server hands out; it is made when it is missing. */
export class DirectoryPublisher implements Publisher {
    readonly isReachable = false;

    constructor(
        private readonly directory: string,
        /** SHA-256 of a file, which may be known already. */
        private readonly digest: (file: string, options: WatchOptions) => Promise<string>,
    ) {}

    async put(task: PublishTask): Promise<"published" | "taken"> {
        const target = this.pathOf(task);
        await prepare(this.directory);
        const outcome = await this.putFile(task, target);
        for (const { suffix, bytes } of extrasOf(task)) await writeWhole(`${target}${suffix}`, bytes);
        await syncFolder(this.directory);
        return outcome;
    }

    async look(file: PublishedFile, options: WatchOptions = {}): Promise<Finding> {
        const target = this.pathOf(file);
        const sizeBytes = await sizeOf(target);
        if (sizeBytes === undefined || sizeBytes < 0) return { state: "absent" };
        const sha256 = await this.digest(target, options);
        return sha256 === file.sha256 ? { state: "there" } : { state: "changed", sha256, sizeBytes };
    }

    async *list(): AsyncGenerator<ListedFile> {
        for (const fileName of (await fs.readdir(this.directory).catch(() => [])).sort()) {
            const sha256 = digitsOf(fileName);
            const target = path.join(this.directory, fileName);
            const sizeBytes = sha256 === undefined ? undefined : await sizeOf(target);
            if (sha256 === undefined || sizeBytes === undefined || sizeBytes < 0) continue;
            yield {
                file: { fileName, sha256, sizeBytes },
                claims: await claimsOf(folderClaims(target)),
            };
        }
    }

    async *extras(suffix: ExtraSuffix): AsyncGenerator<PublishedExtra> {
        for (const name of await fs.readdir(this.directory)) {
            if (!name.endsWith(suffix)) continue;
            const place = path.join(this.directory, name);
            const { mtimeMs: publishedAt } = await fs.stat(place);
            const fileName = name.slice(0, -suffix.length);
            yield { fileName, publishedAt, place, read: () => fs.readFile(place) };
        }
    }

    async release(
        file: PublishedFile,
        claim: string,
        { onRelease }: ReleaseOptions,
    ): Promise<"removed" | "left"> {
        const target = this.pathOf(file);
        return releaseClaim(folderClaims(target), claim, onRelease, async () => {
            for (const suffix of EXTRA_SUFFIXES) await fs.rm(`${target}${suffix}`, { force: true });
            await fs.rm(target, { force: true });
        });
    }

    describe(file: PublishedFile): string {
        return this.pathOf(file);
    }

    private pathOf({ fileName }: PublishedFile): string {
        return path.join(this.directory, fileName);
    }

    private async putFile(task: PublishTask, target: string): Promise<"published" | "taken"> {
        const { claim, sha256, sizeBytes } = task;
        const records = folderClaims(target);
        const there = await sizeOf(target);
        if (there !== undefined) {
            const claims = await claimsOf(records);
            if (there === sizeBytes && (await this.digest(target, task)) === sha256) {
                await writeClaim(records, claimOnPresent(claim, claims));
                return "taken";
            }
            // Our own file with other bytes is damaged and gives way, kept aside; anybody else's stays where it is.
            if (!isOwnedBy(claim, claims)) throw foreignContent(target);
        }
        const copy = path.join(this.directory, copyName(task.fileName));
        try {
            await copyVerified(task, copy);
            // The claim comes first: a file without one counts as somebody else's.
            await writeClaim(records, { claim, keep: false });
            if (there !== undefined) await fs.rename(target, await asideName(target));
            await fs.rename(copy, target);
        } catch (error) {
            await fs.rm(copy, { force: true });
            throw notWritten(error, this.directory, sizeBytes);
        }
        return "published";
    }
}

async function prepare(directory: string): Promise<void> {
    try {
        await makeFolder(directory);
        await fs.access(directory, fs.constants.W_OK);
    } catch (error) {
        throw directoryProblem(directory, error);
    }
    await removeDeadCopies(directory);
}

/** Level by level: below file systems that take no folders, `/proc` among them, Node's own way tries for ever. */
async function makeFolder(directory: string): Promise<void> {
    const made = await fs.mkdir(directory).then(
        () => undefined,
        (error: unknown) => error as NodeJS.ErrnoException,
    );
    if (made === undefined || (made.code === "EEXIST" && (await isFolder(directory)))) return;
    const parent = path.dirname(directory);
    if (made.code !== "ENOENT" || (await isFolder(parent)) || parent === directory) throw made;
    await makeFolder(parent);
    await makeFolder(directory);
}

async function isFolder(directory: string): Promise<boolean> {
    const stat = await fs.stat(directory).catch(() => undefined);
    return stat?.isDirectory() === true;
}

function directoryProblem(directory: string, error: unknown): EdgeError {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    if (code === "EEXIST" || code === "ENOTDIR") {
        return new EdgeError(
            `publish.directory: ${directory} is a file, or below one, and no folder: name another`,
        );
    }
    return new EdgeError(
        `publish.directory: ${directory} cannot be written to (${code}): create it with write permission, or name another`,
    );
}

/** What stopped a copy, with the place and what to do; the copy is gone already. */
function notWritten(error: unknown, directory: string, sizeBytes: number): unknown {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !["ENOSPC", "EDQUOT", "EFBIG"].includes(code)) return error;
    return new EdgeError(
        `publish.directory: ${directory} has no room for the image of ${sizeBytes} bytes (${code}): make room, or name ` +
            "another. Nothing is published",
    );
}

function foreignContent(target: string): EdgeError {
    return new EdgeError(
        `${target} exists with other content than its name says. It is not this stack's, so it is not overwritten: move it away, or publish into another directory`,
    );
}

async function asideName(target: string): Promise<string> {
    for (let n = 1; ; n++) {
        const name = `${target}.damaged-${n}`;
        if ((await sizeOf(name)) === undefined) return name;
    }
}

async function copyVerified(task: PublishTask, copy: string): Promise<void> {
    const to = await fs.open(copy, "wx", 0o644);
    try {
        // The process's umask may take the right to read from the web server.
        await to.chmod(0o644);
        const writer = new SparseFile(to);
        try {
            for await (const chunk of verifiedBytes(task)) await writer.write(chunk);
            await writer.finish();
        } finally {
            await writer.settle();
        }
        await to.sync();
    } finally {
        await to.close();
    }
}

const COPY = /^\.edge-os-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$/;
const DAY = 24 * 60 * 60 * 1000;

function copyName(fileName: string): string {
    const unique = crypto.createHash("sha256").update(fileName).update(crypto.randomBytes(16)).digest("hex");
    return `.edge-os-${thisMachine()}-${process.pid}-${unique.slice(0, 8)}.part`;
}

/** Says in a file name which machine's process ids it is about, without naming the machine. */
export function thisMachine(): string {
    return crypto.createHash("sha256").update(os.hostname()).digest("hex").slice(0, 8);
}

/** Copies left by runs that were killed: on this machine when their process is gone, on others after a day. */
async function removeDeadCopies(directory: string): Promise<void> {
    for (const name of await fs.readdir(directory)) {
        const [, machine, pid] = COPY.exec(name) ?? [];
        if (machine === undefined || pid === undefined) continue;
        const file = path.join(directory, name);
        const age = Date.now() - ((await fs.stat(file).catch(() => undefined))?.mtimeMs ?? Date.now());
        const isDead = machine === thisMachine() ? !isAlive(Number(pid)) : age > DAY;
        if (isDead) await fs.rm(file, { force: true });
    }
}

export async function sizeOf(file: string): Promise<number | undefined> {
    try {
        const stat = await fs.lstat(file);
        return stat.isFile() ? stat.size : -1;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
    }
}

/** Makes the rename last through a power failure; not every file system can. */
async function syncFolder(directory: string): Promise<void> {
    const handle = await fs.open(directory, "r").catch(() => undefined);
    await handle?.sync().catch(() => undefined);
    await handle?.close();
}

import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { EdgeError } from "../resource/errors";
import { claimsOf, writeClaim } from "./claims";
import type { Progress } from "./inspection";
import { HashedSource } from "./source";
import { SparseFile } from "./sparseFile";

export interface Publication {
    source: string;
    /** Folder that a web server hands out. Made when it is missing. */
    directory: string;
    fileName: string;
    sha256: string;
    sizeBytes: number;
    claim: string;
    signal?: AbortSignal;
    onProgress?: (progress: Progress) => void;
}

/**
 * Puts an image into a folder under a name that says its content. It appears whole or not at all, with exactly
 * the planned bytes; what is already there with the same content is taken, anything else is never overwritten.
 */
export async function publish(
    publication: Publication,
    digest: (file: string) => Promise<string>,
): Promise<"published" | "taken"> {
    const { directory, fileName, claim } = publication;
    const target = path.join(directory, fileName);
    await prepare(directory);
    const there = await sizeOf(target);
    if (there !== undefined) {
        if (there === publication.sizeBytes && (await digest(target)) === publication.sha256) {
            const claims = await claimsOf(target);
            // Without any claim somebody else has put it there: used, but left when this stack goes.
            await writeClaim(target, { claim, keep: claims.length === 0 || claims.some(({ keep }) => keep) });
            return "taken";
        }
        await refuseForeignContent(target, claim);
    }
    const copy = path.join(directory, copyName(fileName));
    try {
        await copyVerified(publication, copy);
        // The claim comes first: a file without one counts as somebody else's.
        await writeClaim(target, { claim, keep: false });
        if (there !== undefined) await fs.rename(target, await asideName(target));
        await fs.rename(copy, target);
    } catch (error) {
        await fs.rm(copy, { force: true });
        throw notWritten(error, publication);
    }
    await syncFolder(directory);
    return "published";
}

async function prepare(directory: string): Promise<void> {
    try {
        await fs.mkdir(directory, { recursive: true });
        await fs.access(directory, fs.constants.W_OK);
    } catch (error) {
        throw directoryProblem(directory, error);
    }
    await removeDeadCopies(directory);
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
function notWritten(error: unknown, { directory, sizeBytes }: Publication): unknown {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !["ENOSPC", "EDQUOT", "EFBIG"].includes(code)) return error;
    return new EdgeError(
        `publish.directory: ${directory} has no room for the image of ${sizeBytes} bytes (${code}): make room, or name ` +
            "another. Nothing is published",
    );
}

/** Our own file with other bytes is damaged and gives way, kept aside; anybody else's stays where it is. */
async function refuseForeignContent(target: string, claim: string): Promise<void> {
    const claims = await claimsOf(target);
    const isOurs =
        claims.length > 0 && claims.every((other) => !other.keep && other.claim.startsWith(ownerOf(claim)));
    if (isOurs) return;
    throw new EdgeError(
        `${target} exists with other content than its name says. It is not this stack's, so it is not overwritten: move it away, or publish into another directory`,
    );
}

function ownerOf(claim: string): string {
    return `${claim.split("-")[0] ?? ""}-`;
}

async function asideName(target: string): Promise<string> {
    for (let n = 1; ; n++) {
        const name = `${target}.damaged-${n}`;
        if ((await sizeOf(name)) === undefined) return name;
    }
}

async function copyVerified(publication: Publication, copy: string): Promise<void> {
    const { source, sha256, signal, onProgress } = publication;
    const from = await fs.open(source, "r").catch((error: unknown) => {
        const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
        throw new EdgeError(`${source} cannot be opened (${code})`);
    });
    try {
        const to = await fs.open(copy, "wx", 0o644);
        try {
            // The process's umask may take the right to read from the web server.
            await to.chmod(0o644);
            const total = publication.sizeBytes;
            const reader = new HashedSource(from, (done) => {
                signal?.throwIfAborted();
                onProgress?.({ done, total });
            });
            const writer = new SparseFile(to);
            try {
                for (let chunk = await reader.next(); chunk; chunk = await reader.next()) {
                    await writer.write(chunk);
                }
                await writer.finish();
            } finally {
                await writer.settle();
            }
            if (reader.sha256() !== sha256) {
                throw new EdgeError(
                    `${source} was changed since it was checked: nothing is published. Wait until whatever writes it has finished, then run again`,
                );
            }
            await to.sync();
        } finally {
            await to.close();
        }
    } finally {
        await from.close();
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

function isAlive(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
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

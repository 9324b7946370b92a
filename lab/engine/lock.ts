import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { StackLayout } from "./layout";
import { identify, isAlive, type ProcessId } from "./liveness";
import { RefusalError } from "./refusal";

/** The CLI's lock file (pkg/backend/diy/lock.go), with the start time added, by which a lock is known as ours. */
interface LockContent {
    pid: number;
    username: string;
    hostname: string;
    timestamp: string;
    /** Only in our own locks; the CLI does not look at it. */
    started?: string;
}

interface FoundLock {
    file: string;
    content: LockContent | undefined;
}

/**
 * The lock of a stack. The CLI and this engine respect each other's: it is given back only when the journal is folded,
 * so that the CLI never opens a state that is not up to date.
 */
export class StackLock {
    private constructor(
        private readonly file: string,
        /** Whether the lock of a killed run was taken over. */
        readonly takenOver: boolean,
    ) {}

    /** Takes the lock, over from a killed run of our own if need be; another's is refused. */
    static acquire(layout: StackLayout): StackLock {
        const stale = refuseForeignLocks(layout);
        const self: ProcessId = identify(process.pid) ?? { pid: process.pid, started: "unknown" };
        const content: LockContent = {
            pid: self.pid,
            username: userName(),
            hostname: os.hostname(),
            timestamp: new Date().toISOString(),
            started: self.started,
        };
        fs.mkdirSync(layout.locks, { recursive: true });
        const lock = new StackLock(path.join(layout.locks, `${crypto.randomUUID()}.json`), stale.length > 0);
        fs.writeFileSync(lock.file, JSON.stringify(content), { mode: 0o600 });
        try {
            // Two that start at the same moment both see both locks here, and both step back, as two CLIs do.
            refuseForeignLocks(layout, lock.file);
        } catch (error) {
            lock.release();
            throw error;
        }
        for (const { file } of stale) {
            fs.rmSync(file, { force: true });
        }
        return lock;
    }

    /** Gives the lock back. */
    release(): void {
        fs.rmSync(this.file, { force: true });
    }
}

/** Throws when anyone else holds a lock; returns those of our own killed runs. */
function refuseForeignLocks(layout: StackLayout, own?: string): FoundLock[] {
    const locks = findLocks(layout).filter(({ file }) => file !== own);
    const held = locks.filter((lock) => !isStaleOwn(lock));
    if (held.length > 0) {
        throw new RefusalError(
            `the stack is locked by ${held.length === 1 ? "another run" : `${held.length} other runs`}. Wait for it to ` +
                "end; if it is certain that it no longer runs, delete the lock file (or run `pulumi cancel`):" +
                held.map(describeLock).join(""),
        );
    }
    return locks;
}

function findLocks(layout: StackLayout): FoundLock[] {
    let names: string[];
    try {
        names = fs.readdirSync(layout.locks);
    } catch {
        return [];
    }
    // The CLI keeps a `.attrs` file beside each file it writes.
    const locks = names.filter((name) => name.endsWith(".json"));
    return locks.map((name) => {
        const file = path.join(layout.locks, name);
        return { file, content: readLock(file) };
    });
}

function readLock(file: string): LockContent | undefined {
    try {
        return JSON.parse(fs.readFileSync(file, "utf8")) as LockContent;
    } catch {
        return undefined;
    }
}

function isStaleOwn({ content }: FoundLock): boolean {
    return (
        content?.started !== undefined &&
        content.hostname === os.hostname() &&
        !isAlive({ pid: content.pid, started: content.started })
    );
}

function describeLock({ file, content }: FoundLock): string {
    const who =
        content === undefined
            ? "cannot be read"
            : `created by ${content.username}@${content.hostname} (pid ${content.pid}) at ${content.timestamp}`;
    return `\n  ${file}: ${who}`;
}

function userName(): string {
    try {
        return os.userInfo().username;
    } catch {
        return String(process.getuid?.() ?? "unknown");
    }
}

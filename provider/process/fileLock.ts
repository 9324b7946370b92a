import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { identifyProcess, isSameProcess, type ProcessIdentity } from "./processIdentity";

interface Holder extends ProcessIdentity {
    /** What it is held for, as those who wait are told. */
    what: string;
}

export interface LockOptions {
    what: string;
    readonly sleep: (milliseconds: number) => Promise<void>;
    /** Told at every look while another holds it. */
    onWait?: (what: string) => void;
}

const LOOK_AGAIN = 500;

/** A lock that a process of this machine holds until it gives it up, hands it on, or ends. */
export class FileLock {
    private constructor(
        private readonly file: string,
        private readonly what: string,
    ) {}

    static async take(file: string, { what, sleep, onWait }: LockOptions): Promise<FileLock> {
        fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
        const lock = new FileLock(file, what);
        for (;;) {
            const holder = lock.tryTake();
            if (holder === undefined) return lock;
            onWait?.(holder.what);
            await sleep(LOOK_AGAIN);
        }
    }

    /** From now on held as long as that process lives. */
    handTo(pid: number): void {
        const identity = identifyProcess(pid);
        if (!identity) return;
        const unfinished = this.write({ ...identity, what: this.what });
        fs.renameSync(unfinished, this.file);
    }

    release(): void {
        fs.rmSync(this.file, { force: true });
    }

    /** Its living holder, or undefined when it is ours now. */
    private tryTake(): Holder | undefined {
        const own = identifyProcess(process.pid);
        if (!own) throw new Error("this process cannot be identified");
        const unfinished = this.write({ ...own, what: this.what });
        try {
            for (;;) {
                if (this.linked(unfinished)) return undefined;
                const text = readText(this.file);
                const holder = text === undefined ? undefined : readHolder(text);
                if (holder && isSameProcess(holder)) return holder;
                if (text !== undefined) this.removeIf(text);
            }
        } finally {
            fs.rmSync(unfinished, { force: true });
        }
    }

    private write(holder: Holder): string {
        const unfinished = `${this.file}.${process.pid}-${crypto.randomBytes(4).toString("hex")}`;
        fs.writeFileSync(unfinished, JSON.stringify(holder), { mode: 0o600 });
        return unfinished;
    }

    /** A link appears with its content, or not at all. */
    private linked(unfinished: string): boolean {
        try {
            fs.linkSync(unfinished, this.file);
            return true;
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
            throw error;
        }
    }

    /** Another may have found the dead holder, too, and have the lock by now. */
    private removeIf(text: string): void {
        const aside = `${this.file}.${process.pid}-${crypto.randomBytes(4).toString("hex")}`;
        try {
            fs.renameSync(this.file, aside);
        } catch {
            return;
        }
        if (readText(aside) !== text) this.linked(aside);
        fs.rmSync(aside, { force: true });
    }
}

function readText(file: string): string | undefined {
    try {
        return fs.readFileSync(file, "utf8");
    } catch {
        return undefined;
    }
}

function readHolder(text: string): Holder | undefined {
    try {
        return JSON.parse(text) as Holder;
    } catch {
        return undefined;
    }
}

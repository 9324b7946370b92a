import * as fs from "node:fs";
import * as path from "node:path";
import { writeFileAtomically, type StackLayout } from "./layout";
import { identify, isAlive, type ProcessId } from "./liveness";

interface Record {
    engine: ProcessId;
    children: ProcessId[];
}

/**
 * The record of the processes that a run has started. Program and provider run in process groups of their own, so a
 * killed engine leaves them behind; the next run ends them by this record.
 */
export class ProcessRecord {
    private readonly file: string;
    private readonly children = new Map<number, ProcessId>();

    constructor(
        private readonly layout: StackLayout,
        private readonly engine: ProcessId = identify(process.pid) ?? {
            pid: process.pid,
            started: "unknown",
        },
    ) {
        this.file = path.join(layout.processes, `${engine.pid}.json`);
    }

    /** A child process has been started. */
    started(pid: number): void {
        const child = identify(pid);
        if (child !== undefined) {
            this.children.set(pid, child);
            this.write();
        }
    }

    /** A child process has ended. */
    ended(pid: number): void {
        if (this.children.delete(pid)) {
            this.write();
        }
    }

    /** The run has ended, and its children with it. */
    close(): void {
        fs.rmSync(this.file, { force: true });
    }

    private write(): void {
        fs.mkdirSync(this.layout.processes, { recursive: true });
        const record: Record = { engine: this.engine, children: [...this.children.values()] };
        writeFileAtomically(this.file, JSON.stringify(record));
    }
}

/** Ends what killed runs on this stack have left running; returns the ids of the processes ended. */
export function endOrphans(layout: StackLayout): number[] {
    const ended: number[] = [];
    for (const file of recordFiles(layout)) {
        const record = readRecord(file);
        if (record !== undefined && isAlive(record.engine)) {
            continue;
        }
        for (const child of record?.children ?? []) {
            if (endGroup(child)) {
                ended.push(child.pid);
            }
        }
        fs.rmSync(file, { force: true });
    }
    return ended;
}

function recordFiles(layout: StackLayout): string[] {
    try {
        return fs
            .readdirSync(layout.processes)
            .filter((name) => name.endsWith(".json"))
            .map((name) => path.join(layout.processes, name));
    } catch {
        return [];
    }
}

function readRecord(file: string): Record | undefined {
    try {
        return JSON.parse(fs.readFileSync(file, "utf8")) as Record;
    } catch {
        return undefined;
    }
}

/** Ends the process group that the child leads, if the process of this id is still that child. */
function endGroup(child: ProcessId): boolean {
    if (!isAlive(child)) {
        return false;
    }
    try {
        process.kill(-child.pid, "SIGKILL");
        return true;
    } catch {
        return false;
    }
}

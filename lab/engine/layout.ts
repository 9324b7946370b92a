import * as fs from "node:fs";
import * as path from "node:path";
import { RefusalError } from "./refusal";

/** Where the files of one stack are: the layout of the CLI's file backend, plus the engine's own files. */
export interface StackLayout {
    stateDir: string;
    project: string;
    stack: string;
    /** The CLI's checkpoint. */
    checkpoint: string;
    /** Changes that are not yet in the checkpoint. */
    journal: string;
    /** Folder of lock files; the CLI takes any file in it for a lock. */
    locks: string;
    /** Folder of the records of processes that runs have started. */
    processes: string;
}

// The organization of every stack in a file backend.
const ORGANIZATION = "organization";

/** The places of a stack's files below a state folder. */
export function stackLayout(stateDir: string, project: string, stack: string): StackLayout {
    const root = path.join(path.resolve(stateDir), ".pulumi");
    const checkpoint = path.join(root, "stacks", project, `${stack}.json`);
    return {
        stateDir: path.resolve(stateDir),
        project,
        stack,
        checkpoint,
        journal: `${checkpoint}.journal`,
        locks: path.join(root, "locks", ORGANIZATION, project, stack),
        processes: path.join(root, "embedded-engine", project, stack),
    };
}

/** The full name of the stack, as it stands in the checkpoint. */
export function fullStackName(layout: StackLayout): string {
    return `${ORGANIZATION}/${layout.project}/${layout.stack}`;
}

/** Checks that the folder is empty or of the layout known here. */
export function checkStateDir(layout: StackLayout): void {
    const meta = metaFile(layout);
    const stacks = path.join(layout.stateDir, ".pulumi", "stacks");
    if (fs.existsSync(meta)) {
        const version = /^version:\s*(\d+)/m.exec(fs.readFileSync(meta, "utf8"))?.[1];
        if (version !== "1") {
            throw new RefusalError(
                `${meta}: version ${version ?? "?"} of the state folder's layout is not known (only 1 is).`,
            );
        }
    } else if (fs.existsSync(stacks) && fs.readdirSync(stacks).length > 0) {
        throw new RefusalError(
            `${layout.stateDir} holds stacks in the layout of old CLIs (there is no .pulumi/meta.yaml). ` +
                "Run `pulumi state upgrade` with the CLI, or give another --state folder.",
        );
    }
    if (fs.existsSync(`${layout.checkpoint}.gz`)) {
        throw new RefusalError(
            `${layout.checkpoint}.gz is compressed, which the embedded engine does not read. Use the CLI.`,
        );
    }
}

/** Makes the folder of the state one that the CLI opens. */
export function prepareStateDir(layout: StackLayout): void {
    fs.mkdirSync(path.dirname(layout.checkpoint), { recursive: true });
    const meta = metaFile(layout);
    if (!fs.existsSync(meta)) {
        fs.writeFileSync(meta, "version: 1\n");
    }
}

function metaFile(layout: StackLayout): string {
    return path.join(layout.stateDir, ".pulumi", "meta.yaml");
}

/** Writes a file so that a crash leaves either the old or the new one, complete. */
export function writeFileAtomically(file: string, content: string): void {
    const draft = `${file}.tmp`;
    const handle = fs.openSync(draft, "w", 0o600);
    try {
        fs.writeSync(handle, content);
        fs.fsyncSync(handle);
    } finally {
        fs.closeSync(handle);
    }
    fs.renameSync(draft, file);
}

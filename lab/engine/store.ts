import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { StateCodec } from "./codec";
import { encodeDeployment, parseCheckpoint, type Checkpoint, type StoredDeployment } from "./deploymentFile";
import { JournalWriter, readJournal, type LeftJournal } from "./journal";
import { fullStackName, prepareStateDir, writeFileAtomically, type StackLayout } from "./layout";
import { RefusalError } from "./refusal";
import type { PendingOperation, ResourceState } from "./resource";
import type { Crypter } from "./secrets";
import { Snapshot } from "./snapshot";

/** How a stack's state is opened. */
export interface StoreOptions {
    /** What the state's manifest names as its writer. */
    version: string;
    /** Writes nothing: for previews. */
    readOnly: boolean;
    /** `encryptionsalt` of the stack's configuration; the state is written with it. */
    configSalt?: string;
    /** The crypter of a salt line, or one with a new salt. */
    crypter: (salt: string | undefined) => Crypter;
}

/** The state of a stack on disk: its checkpoint, and the journal of what has happened since. */
export class StackStore {
    /** The state as the running operation sees and changes it. */
    snapshot: Snapshot;
    /** Whether the run before this one was killed and its journal was replayed. */
    readonly recovered: boolean;

    private readonly codec: StateCodec;
    private journal: JournalWriter | undefined;
    private checkpointHash: string | null;

    /** Opens the state of a stack; one that does not exist yet is empty. */
    constructor(
        private readonly layout: StackLayout,
        private readonly options: StoreOptions,
    ) {
        const text = readIfPresent(layout.checkpoint);
        const stored = text === undefined ? undefined : parseCheckpoint(layout.checkpoint, text);
        this.checkpointHash = text === undefined ? null : sha256(text);
        const left = this.leftJournal();
        this.codec = openCodec(options, stored?.secrets_providers?.state?.salt ?? left?.header.salt);
        this.recovered = left !== undefined;
        if (text === undefined && left === undefined) {
            // As `pulumi stack init` does: from now on the CLI knows the stack, and that it is locked.
            this.writeCheckpoint([], []);
        }
        const base = this.decode(stored);
        this.snapshot = this.begin(base.rows, base.pending);
        if (left !== undefined) {
            this.recover(base, left);
        }
    }

    /** The salt line with which the state is written. */
    get salt(): string {
        return this.codec.salt;
    }

    /** Goes on from other rows than those at the beginning: those that a refresh has found. */
    rebase(rows: readonly ResourceState[], pending: readonly PendingOperation[]): void {
        this.writeCheckpoint(rows, pending);
        this.snapshot = this.begin(rows, pending);
    }

    /** Writes all that has happened into the checkpoint and removes the journal. */
    fold(): void {
        const unfinished = this.snapshot.leftPending.filter(({ type }) => type === "creating");
        this.writeCheckpoint(this.snapshot.rows(), [...this.snapshot.pending(), ...unfinished]);
    }

    /** The state as `pulumi stack export` shows it. */
    export(showSecrets: boolean): StoredDeployment {
        const deployment = this.encode(this.snapshot.rows(), this.snapshot.leftPending);
        return showSecrets ? this.codec.inPlaintext(deployment) : deployment;
    }

    private begin(rows: readonly ResourceState[], pending: readonly PendingOperation[]): Snapshot {
        if (this.options.readOnly) {
            return new Snapshot(rows, pending);
        }
        const journal =
            this.journal ?? new JournalWriter(this.layout.journal, this.codec, this.checkpointHash);
        this.journal = journal;
        return new Snapshot(rows, pending, (mutations) => journal.append(mutations));
    }

    private writeCheckpoint(rows: readonly ResourceState[], pending: readonly PendingOperation[]): void {
        if (this.options.readOnly) {
            return;
        }
        const checkpoint: Checkpoint = {
            version: 3,
            checkpoint: { stack: fullStackName(this.layout), latest: this.encode(rows, pending) },
        };
        const text = JSON.stringify(checkpoint, undefined, 4);
        prepareStateDir(this.layout);
        // The journal knows its checkpoint before the checkpoint is there: a crash in between loses and doubles nothing.
        this.journal?.folded(sha256(text));
        if (fs.existsSync(this.layout.checkpoint)) {
            fs.copyFileSync(this.layout.checkpoint, `${this.layout.checkpoint}.bak`);
        }
        writeFileAtomically(this.layout.checkpoint, text);
        this.journal?.remove();
        this.journal = undefined;
        this.checkpointHash = sha256(text);
    }

    private encode(rows: readonly ResourceState[], pending: readonly PendingOperation[]): StoredDeployment {
        const { codec, options } = this;
        return encodeDeployment({ rows, pending, codec, version: options.version, time: new Date() });
    }

    /** The journal of a killed run, if it belongs to the checkpoint and is not in it yet. */
    private leftJournal(): LeftJournal | undefined {
        const left = readJournal(this.layout.journal);
        if (left === undefined || left.foldedInto === this.checkpointHash) {
            return undefined;
        }
        if (left.header.base !== this.checkpointHash) {
            throw new RefusalError(
                `${this.layout.journal} holds changes of an interrupted run, but the state has been written by ` +
                    "another program since, so they cannot be added to it. Look in the journal for what it created, " +
                    "then move it away to go on with the state as it is.",
            );
        }
        return left;
    }

    private recover(base: { rows: ResourceState[]; pending: PendingOperation[] }, left: LeftJournal): void {
        const replayed = new Snapshot(base.rows, base.pending);
        for (const mutation of left.mutations(this.codec)) {
            replayed.apply(mutation);
        }
        const rows = replayed.rows();
        const pending = [...base.pending, ...replayed.pending()];
        if (this.options.readOnly) {
            this.snapshot = new Snapshot(rows, pending);
        } else {
            this.recoverOnDisk(rows, pending, left);
        }
    }

    private recoverOnDisk(rows: ResourceState[], pending: PendingOperation[], left: LeftJournal): void {
        this.journal = JournalWriter.reopen(this.layout.journal, this.codec, left.header.base);
        this.writeCheckpoint(rows, pending);
        this.snapshot = this.begin(rows, pending);
    }

    private decode(stored: StoredDeployment | undefined): {
        rows: ResourceState[];
        pending: PendingOperation[];
    } {
        return {
            rows: (stored?.resources ?? []).map((row) => this.codec.decodeRow(row)),
            pending: (stored?.pending_operations ?? []).map(({ resource, type }) => ({
                resource: this.codec.decodeRow(resource),
                type,
            })),
        };
    }
}

/** The codec that reads with the state's key and writes with the configuration's, as the CLI does. */
function openCodec(options: StoreOptions, stateSalt: string | undefined): StateCodec {
    const { configSalt, crypter } = options;
    if (stateSalt !== undefined && configSalt !== undefined && stateSalt !== configSalt) {
        return new StateCodec(crypter(configSalt), crypter(stateSalt));
    }
    return new StateCodec(crypter(configSalt ?? stateSalt));
}

function readIfPresent(file: string): string | undefined {
    try {
        return fs.readFileSync(file, "utf8");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return undefined;
        }
        throw error;
    }
}

function sha256(text: string): string {
    return crypto.createHash("sha256").update(text).digest("hex");
}

import * as fs from "node:fs";
import type { StateCodec, StoredResource } from "./codec";
import type { Mutation } from "./snapshot";

/** The first line of a journal: the state that its mutations belong to, and the salt that opens its secrets. */
export interface JournalHeader {
    kind: "header";
    /** SHA-256 of the checkpoint the run began with; null when there was none. */
    base: string | null;
    salt: string;
}

/** The last line, written before the new checkpoint replaces the old one. */
interface FoldedLine {
    kind: "folded";
    /** SHA-256 of the new checkpoint. */
    checkpoint: string;
}

type StoredMutation = Omit<Mutation, "row"> & { row?: StoredResource };

interface ChangesLine {
    kind: "changes";
    changes: StoredMutation[];
}

/**
 * The file of the changes since the checkpoint: a JSON line each, appended with one write, so that a killed run
 * leaves at most its last line torn. The CLI instead rewrites the whole checkpoint at each change.
 */
export class JournalWriter {
    private handle: number | undefined;

    constructor(
        private readonly file: string,
        private readonly codec: StateCodec,
        private readonly base: string | null,
    ) {}

    /** Goes on in the journal of a killed run: it stays the only place of its changes until they are folded. */
    static reopen(file: string, codec: StateCodec, base: string | null): JournalWriter {
        const writer = new JournalWriter(file, codec, base);
        writer.handle = fs.openSync(file, "a", 0o600);
        // Ends a torn last line.
        fs.writeSync(writer.handle, "\n");
        return writer;
    }

    /** Appends mutations that belong together, as one line. */
    append(mutations: readonly Mutation[]): void {
        const changes = mutations.map((mutation) =>
            "row" in mutation ? { ...mutation, row: this.codec.encodeRow(mutation.row) } : mutation,
        );
        this.write({ kind: "changes", changes });
    }

    /** Says which checkpoint the journal has been folded into. */
    folded(checkpoint: string): void {
        if (this.handle !== undefined) {
            this.write({ kind: "folded", checkpoint } satisfies FoldedLine);
        }
    }

    /** Removes the file: all its changes are in the checkpoint. */
    remove(): void {
        if (this.handle !== undefined) {
            fs.closeSync(this.handle);
            this.handle = undefined;
        }
        fs.rmSync(this.file, { force: true });
    }

    private write(line: object): void {
        if (this.handle === undefined) {
            this.handle = fs.openSync(this.file, "w", 0o600);
            this.write({ kind: "header", base: this.base, salt: this.codec.salt } satisfies JournalHeader);
        }
        fs.writeSync(this.handle, `${JSON.stringify(line)}\n`);
    }
}

/** A journal that a killed run left. */
export interface LeftJournal {
    header: JournalHeader;
    /** The checkpoint it was folded into, if the run came that far. */
    foldedInto?: string;
    /** The mutations, each decoded when asked for. */
    mutations(codec: StateCodec): Generator<Mutation>;
}

/** Reads a journal; undefined when there is none, or none with a complete first line: then nothing had happened. */
export function readJournal(file: string): LeftJournal | undefined {
    let text: string;
    try {
        text = fs.readFileSync(file, "utf8");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return undefined;
        }
        throw error;
    }
    const [header, ...lines] = completeLines(text);
    if (header?.kind !== "header") {
        return undefined;
    }
    const folded = lines.find((line): line is FoldedLine => line.kind === "folded");
    return {
        header,
        foldedInto: folded?.checkpoint,
        *mutations(codec) {
            for (const line of lines) {
                for (const change of line.kind === "changes" ? line.changes : []) {
                    yield decodeMutation(change, codec);
                }
            }
        },
    };
}

type JournalLine = JournalHeader | FoldedLine | ChangesLine;

function completeLines(text: string): JournalLine[] {
    const parsed: JournalLine[] = [];
    for (const line of text.split("\n")) {
        try {
            parsed.push(JSON.parse(line) as JournalLine);
        } catch {
            // Torn: its write never ended, so what it says had not been relied on.
        }
    }
    return parsed;
}

function decodeMutation(stored: StoredMutation, codec: StateCodec): Mutation {
    return (stored.row === undefined ? stored : { ...stored, row: codec.decodeRow(stored.row) }) as Mutation;
}

import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { StateCodec } from "../../../lab/engine/codec";
import { JournalWriter, readJournal } from "../../../lab/engine/journal";
import type { StackLayout } from "../../../lab/engine/layout";
import { stackLayout } from "../../../lab/engine/layout";
import type { PendingOperation, ResourceState } from "../../../lab/engine/resource";
import { Crypter } from "../../../lab/engine/secrets";
import type { Snapshot } from "../../../lab/engine/snapshot";
import { StackStore } from "../../../lab/engine/store";
import { secret } from "../../../lab/engine/values";

const PASSPHRASE = "journal";
const crypter = Crypter.create(PASSPHRASE);

function open(layout: StackLayout, readOnly = false): StackStore {
    return new StackStore(layout, {
        version: "v3.0.0",
        readOnly,
        configSalt: crypter.salt,
        crypter: () => crypter,
    });
}

const resource = (name: string, value: number, fields: Partial<ResourceState> = {}): ResourceState => ({
    urn: `urn:pulumi:s::p::t::${name}`,
    type: "t",
    custom: true,
    id: `${name}-id`,
    inputs: { value, token: secret(`token-${name}`) },
    outputs: { value },
    ...fields,
});

/** A change of a snapshot, made so that each sequence of them is one that a run could make. */
type Action = "create" | "update" | "delete" | "change" | "fail" | "hang";

/** Does what a run does, in two steps: the begin of an operation, and its end with what it has changed. */
function* perform(snapshot: Snapshot, action: Action, pick: number, counter: number): Generator<void> {
    const rows = snapshot.rows();
    const row = rows[pick % Math.max(1, rows.length)];
    if (action === "create" || action === "fail" || action === "hang") {
        const next = resource(`new${counter}`, counter);
        snapshot.begin("creating", next);
        yield;
        snapshot.atomically(() => {
            if (action !== "hang") {
                snapshot.end(next);
            }
            if (action === "create") {
                snapshot.add(next);
            }
        });
    } else if (row !== undefined && action === "update") {
        const next = { ...row, inputs: { ...row.inputs, value: counter } };
        snapshot.begin("updating", next);
        yield;
        snapshot.atomically(() => {
            snapshot.end(next);
            snapshot.done(row);
            snapshot.add(next);
        });
    } else if (row !== undefined && action === "delete") {
        snapshot.begin("deleting", row);
        yield;
        snapshot.atomically(() => {
            snapshot.end(row);
            snapshot.done(row);
        });
    } else if (row !== undefined) {
        row.outputs = { value: counter };
        snapshot.set(row);
    }
    yield;
}

function content(snapshot: Snapshot): unknown {
    const plain = (pending: readonly PendingOperation[]): unknown =>
        pending.map(({ resource: { urn }, type }) => `${type} ${urn}`).sort();
    return JSON.parse(
        JSON.stringify({
            rows: snapshot.rows(),
            pending: plain([...snapshot.leftPending, ...snapshot.pending()]),
        }),
    );
}

function completeLines(file: string): number {
    const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : [];
    return lines.filter((line) => {
        try {
            return JSON.parse(line) !== undefined;
        } catch {
            return false;
        }
    }).length;
}

describe("engine state on disk", () => {
    let folder: string;
    let layout: StackLayout;

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "engine-state-"));
        layout = stackLayout(folder, "p", "s");
        fs.mkdirSync(path.dirname(layout.checkpoint), { recursive: true });
    });
    afterEach(() => fs.rmSync(folder, { recursive: true }));

    const actions = fc.array(
        fc.tuple(fc.constantFrom<Action>("create", "update", "delete", "change", "fail", "hang"), fc.nat(5)),
        { maxLength: 12 },
    );

    it("replays a journal cut after any of its bytes to the state after its last complete line", () => {
        fc.assert(
            fc.property(fc.nat(2), actions, fc.nat(), (base, sequence, cut) => {
                fs.rmSync(layout.checkpoint, { force: true });
                const first = open(layout);
                for (let index = 0; index < base; index++) {
                    first.snapshot.add(resource(`base${index}`, index));
                }
                first.fold();

                const run = open(layout);
                const lines = (): number => completeLines(layout.journal);
                const beginning = content(run.snapshot);
                const states = new Map<number, unknown>([
                    [0, beginning],
                    [1, beginning],
                ]);
                sequence.forEach(([action, pick], counter) => {
                    const steps = perform(run.snapshot, action, pick, counter);
                    while (steps.next().done !== true) {
                        states.set(lines(), content(run.snapshot));
                    }
                });
                if (fs.existsSync(layout.journal)) {
                    const whole = fs.readFileSync(layout.journal);
                    fs.writeFileSync(layout.journal, whole.subarray(0, cut % (whole.length + 1)));
                }
                const expected = states.get(lines());
                const preview = open(layout, true);
                const recovered = open(layout);
                expect(content(preview.snapshot), "preview").to.deep.equal(expected);
                expect(content(recovered.snapshot), "next run").to.deep.equal(expected);
                expect(content(open(layout).snapshot), "once more").to.deep.equal(
                    content(recovered.snapshot),
                );
            }),
            { numRuns: 60 },
        );
    });

    it("survives a crash between the new checkpoint and the removal of the journal", () => {
        const store = open(layout);
        store.snapshot.add(resource("a", 1));
        const journal = fs.readFileSync(layout.journal);
        store.fold();
        const folded = fs.readFileSync(layout.checkpoint);
        // As if the removal had not happened: with the line that says where the journal went …
        const hash = crypto.createHash("sha256").update(folded).digest("hex");
        fs.writeFileSync(layout.journal, `${journal.toString()}{"kind":"folded","checkpoint":"${hash}"}\n`);
        expect(open(layout).snapshot.rows()).to.have.lengthOf(1);
        expect(open(layout).recovered).to.equal(false);
    });

    it("goes on behind a torn line", () => {
        const codec = new StateCodec(crypter);
        const writer = new JournalWriter(layout.journal, codec, null);
        writer.append([{ kind: "new", key: "n0", row: resource("a", 1) }]);
        fs.appendFileSync(layout.journal, '{"kind":"changes","chan');
        JournalWriter.reopen(layout.journal, codec, null).folded("hash");
        const left = readJournal(layout.journal);
        expect(left?.foldedInto).to.equal("hash");
        expect([...(left?.mutations(codec) ?? [])]).to.have.lengthOf(1);
    });

    it("refuses a journal that belongs to another checkpoint, and keeps it", () => {
        const store = open(layout);
        store.snapshot.add(resource("a", 1));
        fs.writeFileSync(layout.checkpoint, JSON.stringify({ version: 3, checkpoint: { stack: "x" } }));
        expect(() => open(layout)).to.throw("written by another program since");
        expect(fs.existsSync(layout.journal)).to.equal(true);
    });

    it("remembers an unfinished create until the state is refreshed, and finished ones not at all", () => {
        const store = open(layout);
        for (const action of ["hang", "create"] as const) {
            Array.from(perform(store.snapshot, action, 0, 1));
        }
        const recovered = open(layout);
        expect(recovered.recovered).to.equal(true);
        expect(recovered.snapshot.leftPending.map(({ type }) => type)).to.deep.equal(["creating"]);
        recovered.fold();
        const again = open(layout);
        expect(again.recovered).to.equal(false);
        expect(again.snapshot.leftPending).to.have.lengthOf(1);
    });

    it("keeps the ciphertext of unchanged secrets and stores none in clear", () => {
        const store = open(layout);
        store.snapshot.add(resource("a", 1));
        expect(fs.readFileSync(layout.journal, "utf8")).to.not.include("token-a");
        store.fold();
        const before = /"ciphertext": "[^"]+"/.exec(fs.readFileSync(layout.checkpoint, "utf8"))?.[0];
        expect(before).to.be.a("string");
        const next = open(layout);
        next.snapshot.add(resource("b", 1));
        next.fold();
        const text = fs.readFileSync(layout.checkpoint, "utf8");
        expect(text).to.include(before).and.to.not.include("token-");
    });

    it("writes with the configuration's key what another key has encrypted", () => {
        const store = open(layout);
        store.snapshot.add(resource("a", 1));
        store.fold();
        const other = Crypter.create(PASSPHRASE);
        const moved = new StackStore(layout, {
            version: "v3.0.0",
            readOnly: false,
            configSalt: other.salt,
            crypter: (salt) => (salt === other.salt ? other : crypter),
        });
        moved.fold();
        const stored = JSON.parse(fs.readFileSync(layout.checkpoint, "utf8")) as {
            checkpoint: { latest: { resources: { inputs: { token: { ciphertext: string } } }[] } };
        };
        const ciphertext = stored.checkpoint.latest.resources[0]?.inputs.token.ciphertext ?? "";
        expect(other.decrypt(ciphertext)).to.equal('"token-a"');
    });

    it("refuses formats it does not know", () => {
        fs.writeFileSync(layout.checkpoint, JSON.stringify({ version: 4, checkpoint: {} }));
        expect(() => open(layout)).to.throw("version 4 of the state format");
        const latest = { secrets_providers: { type: "cloud" } };
        fs.writeFileSync(
            layout.checkpoint,
            JSON.stringify({ version: 3, checkpoint: { stack: "x", latest } }),
        );
        expect(() => open(layout)).to.throw('secrets provider "cloud"');
        fs.writeFileSync(layout.checkpoint, "{");
        expect(() => open(layout)).to.throw("is not JSON");
    });
});

import * as crypto from "node:crypto";
import type { StepEvent, StepOp } from "./events";
import { ReportedError, type Operation } from "./operation";
import type { CrudResult } from "./provider";
import type { Providers } from "./providers";
import { isManaged, isProvider, type PendingKind, type ResourceState } from "./resource";
import { equal, isSecret, secret, UNKNOWN, type PropertyMap } from "./values";

/** A delete that was refused, and that does not stop the others. */
export class ProtectedError extends ReportedError {}

/** What a step did, as far as the one running it has to know. */
interface StepResult {
    /** Changes the snapshot; after the pending operation has ended. */
    commit?: () => void;
    /** The step has come to its end only in part. */
    failure?: string;
    /** What it turned out to be. */
    op?: StepOp;
    counted?: boolean;
    next?: ResourceState;
}

interface StepInput {
    op: StepOp;
    /** The row that the step is about. */
    row: ResourceState;
    old?: ResourceState;
    next?: ResourceState;
    pending?: PendingKind;
    keys?: string[];
    diffs?: string[];
}

/** Runs steps: events, pending operation, the provider's call, and the change of the state. */
export class Steps {
    constructor(
        private readonly operation: Operation,
        private readonly providers: Providers,
    ) {}

    same(old: ResourceState, next: ResourceState): Promise<void> {
        return this.run({ op: "same", row: next, old, next }, async () => {
            next.id = old.id;
            next.outputs = { ...old.outputs };
            if (isProvider(next)) {
                await this.providers.configure(next.urn, next.id ?? "", old.inputs);
            }
            return { commit: () => this.supersede(old, next) };
        });
    }

    create(next: ResourceState): Promise<void> {
        return this.run({ op: "create", row: next, next, pending: "creating" }, async () => ({
            failure: await this.createObject(next),
            commit: () => this.operation.snapshot.add(next),
        }));
    }

    /** @param markDeleted the old row stays in the state, to be deleted in the delete phase */
    createReplacement(
        old: ResourceState,
        next: ResourceState,
        keys: string[],
        markDeleted: boolean,
    ): Promise<void> {
        return this.run(
            { op: "create-replacement", row: next, old, next, pending: "creating", keys },
            async (): Promise<StepResult> => ({
                failure: await this.createObject(next),
                counted: false,
                commit: () => {
                    const { snapshot } = this.operation;
                    if (markDeleted) {
                        old.delete = true;
                        snapshot.set(old);
                    }
                    snapshot.add(next);
                    if (old.pendingReplacement === true) {
                        snapshot.done(old);
                    }
                },
            }),
        );
    }

    /** Says that the replacement is complete; the CLI shows and counts it as a step of its own. */
    replace(old: ResourceState, next: ResourceState, keys: string[]): Promise<void> {
        return this.run({ op: "replace", row: next, old, next, keys }, async () => ({}));
    }

    update(old: ResourceState, next: ResourceState, diffs: string[]): Promise<void> {
        return this.run({ op: "update", row: next, old, next, pending: "updating", diffs }, async () => {
            next.id = old.id;
            const failure = await this.updateObject(old, next);
            return { failure, commit: () => this.supersede(old, next) };
        });
    }

    /** Deletes a row that the program no longer has. */
    delete(old: ResourceState): Promise<void> {
        const op = old.external === true ? "read-discard" : "delete";
        return this.run({ op, row: old, old, pending: "deleting" }, async () => {
            if (old.protect === true) {
                throw new ProtectedError(
                    `resource "${old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either ` +
                        "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`, or use " +
                        `the command:\n\`pulumi state unprotect '${old.urn}'\``,
                );
            }
            await this.deleteObject(old);
            return { counted: old.external !== true, commit: () => this.operation.snapshot.done(old) };
        });
    }

    /** @param keepPending the row stays in the state until its replacement is created */
    deleteReplaced(old: ResourceState, keepPending: boolean): Promise<void> {
        const op = old.external === true ? "discard-replaced" : "delete-replaced";
        return this.run({ op, row: old, old, pending: "deleting" }, async () => {
            await this.deleteObject(old);
            return {
                counted: false,
                commit: () => {
                    if (keepPending) {
                        old.pendingReplacement = true;
                        this.operation.snapshot.set(old);
                    } else {
                        this.operation.snapshot.done(old);
                    }
                },
            };
        });
    }

    /** Reads a resource that is not managed here. */
    read(old: ResourceState | undefined, next: ResourceState): Promise<void> {
        const replacing = old !== undefined && old.external !== true && old.id !== next.id;
        const op = replacing ? "read-replacement" : "read";
        return this.run({ op, row: next, old, next, pending: "reading" }, async () => {
            await this.readObject(old, next);
            return {
                counted: !replacing && old !== undefined && !equal(old.outputs, next.outputs),
                commit: () => {
                    const { snapshot } = this.operation;
                    if (replacing) {
                        old.delete = true;
                        snapshot.set(old);
                    } else if (old !== undefined) {
                        snapshot.done(old);
                    }
                    snapshot.add(next);
                },
            };
        });
    }

    /** Runs a refresh step; `task` says what it found. */
    refresh(old: ResourceState, task: () => Promise<{ op: StepOp; next?: ResourceState }>): Promise<void> {
        return this.run({ op: "refresh", row: old, old, next: old }, task);
    }

    private async run(input: StepInput, task: () => Promise<StepResult>): Promise<void> {
        const { operation } = this;
        await operation.limited(() =>
            operation.track(async () => {
                // What was found unchanged while something else failed is still noted: it touches nothing outside.
                if (operation.isCancelled && input.op !== "same") {
                    throw new ReportedError();
                }
                const { row, old, next, op, keys, diffs } = input;
                const event: StepEvent = {
                    op,
                    urn: row.urn,
                    old,
                    new: next,
                    keys,
                    diffs,
                    internal: isProvider(row),
                };
                const planning = operation.dryRun;
                operation.emit({ kind: "pre", step: event, planning });
                if (input.pending !== undefined && !planning) {
                    operation.snapshot.begin(input.pending, row);
                }
                const result = await this.perform(row, event, task);
                const finalOp = result.op ?? op;
                if (!event.internal && result.counted !== false) {
                    operation.count(finalOp);
                }
                const step: StepEvent = {
                    ...event,
                    op: finalOp,
                    ...("next" in result ? { new: result.next } : {}),
                };
                // A component has its outputs later, when it registers them.
                if (row.custom || op === "refresh" || op === "delete") {
                    operation.emit({ kind: "outputs", step, planning });
                }
            }),
        );
    }

    private async perform(
        row: ResourceState,
        event: StepEvent,
        task: () => Promise<StepResult>,
    ): Promise<StepResult> {
        const { operation } = this;
        let failure: unknown;
        try {
            const result = await task();
            if (event.new !== undefined && event.op !== "refresh") {
                markSecretOutputs(event.new);
                operation.current.set(event.urn, event.new);
            }
            operation.snapshot.atomically(() => {
                operation.snapshot.end(row);
                result.commit?.();
            });
            if (result.failure === undefined) {
                return result;
            }
            failure = new Error(result.failure);
        } catch (error) {
            operation.snapshot.end(row);
            failure = error;
        }
        throw this.reported(failure, event);
    }

    private reported(error: unknown, event: StepEvent): ReportedError {
        const { operation } = this;
        if (error instanceof ReportedError && !(error instanceof ProtectedError)) {
            return error;
        }
        const message = error instanceof Error ? error.message : String(error);
        operation.report("error", (operation.dryRun ? "Preview failed: " : "") + message, event.urn);
        operation.emit({ kind: "failed", step: event });
        if (error instanceof ProtectedError) {
            return error;
        }
        operation.cancel();
        return new ReportedError(message);
    }

    /** @returns the text of a failure that left an object behind */
    private async createObject(next: ResourceState): Promise<string | undefined> {
        const { dryRun } = this.operation;
        let failure: string | undefined;
        if (isProvider(next)) {
            next.id = dryRun ? UNKNOWN : crypto.randomUUID();
            next.outputs = { ...next.inputs };
            await this.providers.configure(next.urn, next.id, next.inputs);
        } else if (next.custom) {
            if (dryRun) {
                next.outputs = { ...next.inputs };
            } else {
                const provider = await this.providers.of(next);
                const result = await provider.create(next);
                if (result.id === "") {
                    throw new Error(`${next.urn}: the provider's create returned no id`);
                }
                next.id = result.id;
                failure = takeResult(next, result);
            }
        }
        stamp(next, true);
        return failure;
    }

    private async updateObject(old: ResourceState, next: ResourceState): Promise<string | undefined> {
        if (!next.custom) {
            return undefined;
        }
        stamp(next);
        if (isProvider(next)) {
            next.outputs = { ...next.inputs };
            await this.providers.configure(next.urn, next.id ?? "", next.inputs);
            return undefined;
        }
        if (this.operation.dryRun) {
            next.outputs = { ...next.inputs };
            return undefined;
        }
        const provider = await this.providers.of(next);
        const failure = takeResult(next, await provider.update(old, next));
        if (failure !== undefined) {
            // With the old inputs, the next run sees the change again and goes on with it.
            next.inputs = { ...old.inputs };
        }
        return failure;
    }

    private async deleteObject(old: ResourceState): Promise<void> {
        const goesWithOther =
            old.deletedWith !== undefined && this.operation.decided.delete.has(old.deletedWith);
        const callsProvider =
            isManaged(old) && old.external !== true && old.retainOnDelete !== true && !goesWithOther;
        if (callsProvider && !this.operation.dryRun) {
            const provider = await this.providers.of(old);
            await provider.delete(old);
        }
    }

    private async readObject(old: ResourceState | undefined, next: ResourceState): Promise<void> {
        if (next.id === UNKNOWN) {
            return;
        }
        const provider = await this.providers.of(next);
        const id = next.id ?? "";
        const result = await provider.read(next.urn, id, next.inputs, next.inputs);
        if (result.outputs === undefined) {
            throw new Error(`resource '${id}' does not exist`);
        }
        next.outputs = result.outputs;
        if (result.id !== "") {
            next.id = result.id;
        }
        if (old !== undefined && !(equal(old.inputs, next.inputs) && equal(old.outputs, next.outputs))) {
            stamp(next);
        }
    }

    private supersede(old: ResourceState, next: ResourceState): void {
        this.operation.snapshot.done(old);
        this.operation.snapshot.add(next);
    }
}

function takeResult(row: ResourceState, result: CrudResult): string | undefined {
    row.outputs = result.outputs ?? {};
    if (result.initErrors === undefined) {
        return undefined;
    }
    row.initErrors = result.initErrors;
    const count = result.initErrors.length;
    // The words of the CLI; the message of the thrown error is not transmitted.
    return `${count} error${count === 1 ? "" : "s"} occurred:\n${result.initErrors.map((why) => `\t* ${why}\n`).join("")}`;
}

/** Sets the times of a row. */
export function stamp(row: ResourceState, created = false): void {
    row.modified = new Date().toISOString();
    if (created) {
        row.created = row.modified;
    }
}

/** An output is secret if it was asked for as such, or if the input of its name is. */
function markSecretOutputs(row: ResourceState): void {
    const outputs: PropertyMap = row.outputs;
    const inputs: PropertyMap = row.inputs;
    const asked = new Set(row.additionalSecretOutputs ?? []);
    for (const key of Object.keys(outputs)) {
        if (asked.has(key) || isSecret(inputs[key])) {
            outputs[key] = secret(outputs[key]);
        }
    }
}

import { deleteDependents } from "./deleteFirst";
import { readGoal, packageOf, type Goal, type RegisterRequest } from "./goal";
import { claimUrn, findOldRow } from "./identity";
import { ReportedError, ResourceError, type Operation } from "./operation";
import { ignoreChanges } from "./paths";
import { decide, stepsOf, type Decision, type Diff } from "./planner";
import { ProviderError } from "./provider";
import type { Providers } from "./providers";
import { unsupported } from "./refusal";
import { knownId, type ResourceState } from "./resource";
import { fromStruct, toStruct, type Sdk } from "./sdk";
import type { Steps } from "./steps";
import { DYNAMIC_PACKAGE, isStackUrn, nameOf, PROVIDER_TYPE } from "./urn";
import {
    equal,
    fromProgram,
    keepSecrets,
    mapValues,
    redact,
    secret,
    someValue,
    signatureOf,
    Signatures,
    type PropertyMap,
} from "./values";

type ReadRequest = InstanceType<Sdk["resource"]["ReadResourceRequest"]>;
type RegisterResponse = InstanceType<Sdk["resource"]["RegisterResourceResponse"]>;
type ReadResponse = InstanceType<Sdk["resource"]["ReadResourceResponse"]>;

/** Carries out what the program registers and reads. */
export class Registrations {
    private readonly goals = new Map<string, Goal>();
    private provider: Promise<string> | undefined;

    constructor(
        private readonly operation: Operation,
        private readonly providers: Providers,
        private readonly steps: Steps,
    ) {}

    /** RegisterResource. */
    async register(request: RegisterRequest): Promise<RegisterResponse> {
        const { operation } = this;
        const goal = readGoal(request, (urn) => this.goals.get(urn), operation.settings.root);
        const provider = goal.custom ? await this.defaultProvider() : undefined;
        const { urn, old } = await operation.decide(() => {
            const claimed = claimUrn(operation, goal.parent, goal.type, goal.name);
            return { urn: claimed, old: findOldRow(operation, claimed, goal) };
        });
        this.goals.set(urn, goal);
        const next = this.newRow(urn, goal, provider, old);
        refuseAssets(next);
        const diff = await this.compare(goal, old, next);
        if (old !== undefined) {
            next.inputs = keepSecrets(next.inputs, old.inputs);
        }
        const steps = await operation.decide(() => this.plan(goal, old, next, diff));
        for (const step of steps) {
            await step();
        }
        return this.answer(goal, next);
    }

    /** RegisterResourceOutputs: the outputs of a component, or of the stack. */
    async registerOutputs(urn: string, outputs: PropertyMap): Promise<void> {
        const { operation } = this;
        if (isStackUrn(urn)) {
            operation.setStackOutputs(urn, outputs);
            return;
        }
        const row = operation.current.get(urn);
        if (row === undefined) {
            throw new Error(`cannot complete a resource '${urn}' whose registration isn't pending`);
        }
        const old = operation.old(urn);
        row.outputs = keepSecrets(outputs, old?.outputs);
        operation.snapshot.set(row);
        const op = this.operationOn(urn);
        const step = { op, urn, old, new: row, internal: false };
        operation.emit({ kind: "outputs", step, planning: operation.dryRun });
    }

    /** ReadResource: a resource given by its id. */
    async read(request: ReadRequest): Promise<ReadResponse> {
        const { operation } = this;
        const type = request.getType();
        if (!type.startsWith(`${DYNAMIC_PACKAGE}:`)) {
            const what =
                type === "pulumi:pulumi:StackReference"
                    ? "StackReference"
                    : `a resource of ${packageOf(type)}`;
            throw unsupported(`${request.getName()} [${type}]: ${what}`);
        }
        const provider = await this.defaultProvider();
        const urn = await operation.decide(() =>
            claimUrn(operation, request.getParent(), type, request.getName()),
        );
        const old = operation.old(urn);
        const next: ResourceState = {
            urn,
            custom: true,
            type,
            id: request.getId(),
            inputs: mapValues(fromStruct(request.getProperties()), (value) => fromProgram(value)),
            outputs: {},
            parent: request.getParent(),
            external: true,
            dependencies: [...request.getDependenciesList()].sort(),
            provider,
            additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
            created: old?.created,
            modified: old?.modified,
        };
        const replacing = old !== undefined && old.external !== true && old.id !== next.id;
        operation.decided[replacing ? "replace" : "read"].add(urn);
        await this.steps.read(old, next);
        if (replacing) {
            await this.steps.replace(old, next, []);
        }
        const response = new operation.settings.sdk.resource.ReadResourceResponse();
        response.setUrn(urn);
        response.setProperties(toStruct(operation.settings.sdk, next.outputs));
        return response;
    }

    /** The default provider of dynamic resources, whose inputs are the whole configuration of the stack. */
    private defaultProvider(): Promise<string> {
        return (this.provider ??= this.operation.track(() => this.registerDefaultProvider()));
    }

    private async registerDefaultProvider(): Promise<string> {
        const { operation } = this;
        const urn = claimUrn(operation, "", PROVIDER_TYPE, "default");
        const old = operation.old(urn);
        const { config, secretKeys } = operation.settings;
        const inputs = mapValues(config, (value, key) => (secretKeys.includes(key) ? secret(value) : value));
        const next: ResourceState = {
            urn,
            custom: true,
            type: PROVIDER_TYPE,
            inputs: keepSecrets(inputs, old?.inputs),
            outputs: {},
            created: old?.created,
            modified: old?.modified,
        };
        if (old === undefined) {
            operation.decided.create.add(urn);
            await this.steps.create(next);
        } else if (equal(old.outputs, inputs)) {
            operation.decided.same.add(urn);
            await this.steps.same(old, next);
        } else {
            operation.decided.update.add(urn);
            await this.steps.update(old, next, []);
        }
        return `${urn}::${next.id ?? ""}`;
    }

    private newRow(
        urn: string,
        goal: Goal,
        provider: string | undefined,
        old: ResourceState | undefined,
    ): ResourceState {
        const former = this.operation.formerUrn.get(urn);
        return {
            urn,
            custom: goal.custom,
            type: goal.type,
            id: "",
            inputs: goal.properties,
            outputs: {},
            parent: goal.parent,
            protect: goal.protect,
            dependencies: goal.dependencies,
            provider,
            propertyDependencies: goal.propertyDependencies,
            additionalSecretOutputs: goal.additionalSecretOutputs,
            aliases: former === undefined ? [] : [former],
            customTimeouts: goal.customTimeouts,
            retainOnDelete: goal.retainOnDelete,
            deletedWith: goal.deletedWith,
            replaceWith: goal.replaceWith,
            created: old?.created,
            modified: old?.modified,
            sourcePosition: goal.sourcePosition,
            stackTrace: goal.stackTrace,
            ignoreChanges: goal.ignoreChanges,
            hideDiff: goal.hideDiff,
            replaceOnChanges: goal.replaceOnChanges,
        };
    }

    /** Checks the inputs and compares them with the old row; many resources at a time. */
    private async compare(
        goal: Goal,
        old: ResourceState | undefined,
        next: ResourceState,
    ): Promise<Diff | undefined> {
        if (!goal.custom) {
            const changes = old !== undefined && !equal(old.inputs, next.inputs);
            return { changes, replaces: [], changed: [], deleteBeforeReplace: false };
        }
        return this.operation.limited(async () => {
            if (this.operation.isCancelled) {
                throw new ReportedError();
            }
            const compared =
                old === undefined || old.external === true || this.operation.decided.delete.has(next.urn)
                    ? undefined
                    : old;
            if (compared === undefined) {
                next.inputs = await this.check(next, undefined, goal.properties);
                return undefined;
            }
            const asked = ignoreChanges(goal.properties, compared.inputs, goal.ignoreChanges);
            next.inputs = await this.check(next, compared.inputs, asked);
            const provider = await this.providers.of(next);
            return this.onRow(next.urn, provider.diff(compared, next.inputs, goal.ignoreChanges));
        });
    }

    private async check(
        row: ResourceState,
        olds: PropertyMap | undefined,
        news: PropertyMap,
    ): Promise<PropertyMap> {
        const provider = await this.providers.of(row);
        const { inputs, failures } = await this.onRow(row.urn, provider.check(row.urn, olds, news));
        for (const { property, reason } of failures) {
            // The real CLI shows secret values here.
            const where = property === "" ? "" : `: property ${property} value {${shown(news, property)}}`;
            const message = `${row.type} resource '${nameOf(row.urn)}'${where} has a problem: ${reason}`;
            this.operation.report("error", message, row.urn);
        }
        if (failures.length > 0) {
            throw new ReportedError("check failed");
        }
        return inputs;
    }

    /** An error of the provider belongs to the row it was asked about. */
    private async onRow<T>(urn: string, answer: Promise<T>): Promise<T> {
        try {
            return await answer;
        } catch (error) {
            throw error instanceof ProviderError ? new ResourceError(urn, error.message) : error;
        }
    }

    /** Decides what is done; returns the steps to run, in order. */
    private async plan(
        goal: Goal,
        old: ResourceState | undefined,
        next: ResourceState,
        diff: Diff | undefined,
    ): Promise<(() => Promise<void>)[]> {
        const { operation } = this;
        const decision = decide({
            old,
            next,
            options: goal,
            diff,
            deletedEarlier: operation.decided.delete.has(next.urn),
            replaced: operation.decided.replace,
        });
        if (operation.isCancelled && decision.kind !== "same") {
            throw new ReportedError();
        }
        this.note(decision, next);
        const before =
            decision.kind === "replace" && old !== undefined
                ? await this.prepare(decision, goal, old, next)
                : [];
        return [...before, ...this.bind(decision, old, next)];
    }

    private note(decision: Decision, next: ResourceState): void {
        const { decided } = this.operation;
        if (decision.kind === "recreate") {
            decided.delete.delete(next.urn);
        }
        const kind = {
            create: "create",
            adopt: "create",
            same: "same",
            update: "update",
            recreate: "replace",
        } as const;
        decided[decision.kind === "replace" ? "replace" : kind[decision.kind]].add(next.urn);
    }

    /** What a replacement needs before its own steps: new inputs, and dependents out of the way. */
    private async prepare(
        decision: Decision & { kind: "replace" },
        goal: Goal,
        old: ResourceState,
        next: ResourceState,
    ): Promise<(() => Promise<void>)[]> {
        if (decision.refused) {
            this.refuseReplacement(next.urn);
        }
        if (goal.custom) {
            // Defaults of the replacement must not come from the old object, so the check gets no olds.
            next.inputs = keepSecrets(await this.check(next, undefined, goal.properties), old.inputs);
        }
        return decision.deleteFirst ? deleteDependents(this.operation, this.providers, this.steps, old) : [];
    }

    private refuseReplacement(urn: string): void {
        this.operation.report(
            "error",
            `unable to replace resource "${urn}"\nas it is currently marked for protection. To unprotect the resource, ` +
                "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`",
            urn,
        );
        // A preview goes on, to show all that is wrong.
        if (!this.operation.dryRun) {
            throw new ReportedError();
        }
    }

    private bind(
        decision: Decision,
        old: ResourceState | undefined,
        next: ResourceState,
    ): (() => Promise<void>)[] {
        const { steps } = this;
        if (old === undefined) {
            return [() => steps.create(next)];
        }
        const diff = "diff" in decision ? decision.diff : undefined;
        const keys = diff?.replaces ?? [];
        const markDeleted =
            decision.kind === "adopt" || (decision.kind === "replace" && !decision.deleteFirst);
        return stepsOf(decision).map((op) => async () => {
            switch (op) {
                case "same":
                    return steps.same(old, next);
                case "update":
                    return steps.update(old, next, diff?.changed ?? []);
                case "replace":
                    return steps.replace(old, next, keys);
                case "create-replacement":
                    return steps.createReplacement(old, next, keys, markDeleted);
                case "delete-replaced":
                    return steps.deleteReplaced(old, true);
                default:
                    return steps.create(next);
            }
        });
    }

    private operationOn(urn: string): "same" | "create" | "update" | "replace" {
        const { decided } = this.operation;
        const found = (["create", "update", "replace"] as const).find((kind) => decided[kind].has(urn));
        return found ?? "same";
    }

    private answer(goal: Goal, next: ResourceState): RegisterResponse {
        const { sdk } = this.operation.settings;
        const response = new sdk.resource.RegisterResourceResponse();
        response.setUrn(next.urn);
        response.setId(knownId(next));
        response.setObject(toStruct(sdk, goal.custom ? next.outputs : {}));
        response.setResult(sdk.resource.Result.SUCCESS);
        return response;
    }
}

function shown(news: PropertyMap, property: string): string {
    const value = redact(news[property]);
    return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

/** Assets would have to be hashed to be compared as the CLI does. */
function refuseAssets(row: ResourceState): void {
    for (const [key, value] of Object.entries(row.inputs)) {
        const isAsset = someValue(value, (inner) => {
            const signature = signatureOf(inner);
            return signature === Signatures.asset || signature === Signatures.archive;
        });
        if (isAsset) {
            throw new ResourceError(
                row.urn,
                unsupported(`${nameOf(row.urn)} [${row.type}]: the asset in "${key}"`).message,
            );
        }
    }
}

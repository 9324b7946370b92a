import type { Context } from "../resource/context";
import { EdgeError, messageOf, PartialFailure } from "../resource/errors";
import type { HostResource, InstanceResource } from "./api";
import { assertStillOwn, EMF_CLAIM_KEY } from "./claims";
import { isBeingDeleted, type EmfClient } from "./client";
import { describeHost, findDevice, sameDevice } from "./device";
import {
    hostPatch,
    observeHost,
    planHost,
    registrationName,
    type DesiredHost,
    type ObservedHost,
    type PlanContext,
    type Step,
} from "./edgeHostPlan";
import { DEFAULTS, type EdgeHostInputs, type EdgeHostOutputs } from "./edgeHost.schema";
import { AlreadyExists, EmfError } from "./errors";
import { claimOf } from "./placeMetadata";

export type HostContext = Context<EmfClient>;

export interface Goal {
    /** Pulumi id of the row: the device. */
    id: string;
    inputs: EdgeHostInputs;
    /** Inputs of the last run; absent on creation. */
    previous?: EdgeHostInputs;
    outputs: EdgeHostOutputs;
}

/** Brings a host from whatever is there to what is wanted: creation, resumption, adoption, change and repair alike. */
export async function converge(goal: Goal, context: HostContext): Promise<EdgeHostOutputs> {
    const host = await findRegistration(goal, context);
    const instance = host?.instance ? await fullInstance(host.instance, context) : null;
    const observed = host && observeHost(host, instance);
    const desired = desiredOf(goal.inputs);
    const plan = planHost(observed, desired, await planContext(goal, observed, context));
    if (plan.refused !== undefined) throw new EdgeError(plan.refused);
    if (plan.reimage !== undefined) {
        context.log.warn(
            `is installed anew, which erases its disk (${plan.reimage}); boot the machine from the network`,
        );
    }
    const reached: EdgeHostOutputs = {
        ...goal.outputs,
        hostId: host?.resourceId,
        instanceId: instance?.resourceId,
    };
    const work = new Work(goal, context, desired, reached, observed);
    try {
        for (const step of plan.steps) await work.take(step);
    } catch (error) {
        // Before the registration there is nothing to keep; the next creation looks the device up again.
        if (reached.hostId === undefined && goal.previous === undefined) throw error;
        throw new PartialFailure([messageOf(error)], { id: goal.id, outputs: reached }, { cause: error });
    }
    return reached;
}

/** The desired state with the API's spelling of names. */
export function desiredOf(inputs: EdgeHostInputs): DesiredHost {
    return {
        ...inputs,
        securityFeature: `SECURITY_FEATURE_${inputs.securityFeature ?? DEFAULTS.securityFeature}`,
        autoOnboard: inputs.autoOnboard ?? DEFAULTS.autoOnboard,
        enableVpro: inputs.enableVpro ?? DEFAULTS.enableVpro,
        reimage: inputs.reimage ?? DEFAULTS.reimage,
    };
}

/** Why a registration that is already there cannot become this row's. */
export function admissionProblem(
    host: HostResource,
    adopt: boolean,
    context: Pick<HostContext, "ownership" | "owner">,
): string | undefined {
    const claim = claimOf(host.metadata);
    switch (context.ownership(claim)) {
        case "row":
            return undefined;
        case "stack":
            if (adopt) return undefined;
            return (
                `${describeHost(host)} is managed by another EdgeHost of this stack; each machine has one. Where that ` +
                "one is this one under an older name, give it an alias, or set adopt: true"
            );
        case "foreign":
            return (
                `${describeHost(host)} is managed by another stack (claim ${claim}): destroy it there, or take it ` +
                `out of that stack's state and delete the metadata key ${EMF_CLAIM_KEY} of the host`
            );
        case "none":
            if (adopt || host.name === registrationName(context.owner)) return undefined;
            return (
                `${describeHost(host)} is registered already, and not by this stack: set adopt: true to take it ` +
                "over as it is, or delete it in EMF"
            );
    }
}

/** Which row made or took over which host in this run: two rows for one machine would take turns at it. */
const rowsByHost = new WeakMap<EmfClient, Map<string, string>>();

function enterRow(host: string, { client, title }: HostContext): void {
    const rows = rowsByHost.get(client) ?? new Map<string, string>();
    rowsByHost.set(client, rows);
    const other = rows.get(host);
    if (other !== undefined && other !== title) {
        throw new EdgeError(`${other} is the same machine (${host}); each machine has one EdgeHost`);
    }
    rows.set(host, title);
}

/** The device's present registration, if it may become this row's. One that is being deleted is waited for. */
async function findRegistration(goal: Goal, context: HostContext): Promise<HostResource | undefined> {
    const { client, signal } = context;
    const { hostId } = goal.outputs;
    const known = hostId === undefined ? undefined : await client.get("hosts", hostId, { signal });
    const listed = known ?? findDevice(await client.list("hosts", { signal }), goal.inputs);
    // A list may be minutes old, and a decision to write hangs on it.
    const host = known ?? (listed && (await client.get("hosts", listed.resourceId, { signal })));
    return host && admitted(host, goal, context);
}

async function admitted(
    host: HostResource,
    goal: Goal,
    context: HostContext,
): Promise<HostResource | undefined> {
    if (isBeingDeleted(host)) {
        await finishRemoval(host, context);
        return undefined;
    }
    const problem = admissionProblem(host, goal.inputs.adopt === true, context);
    if (goal.previous) {
        assertStillOwn(claimOf(host.metadata), goal.outputs.claim, describeHost(host), context);
    } else if (problem !== undefined) {
        throw new EdgeError(problem);
    }
    enterRow(host.resourceId, context);
    return host;
}

/** A registration that somebody deletes blocks its UUID until EMF has finished. */
async function finishRemoval(host: HostResource, context: HostContext): Promise<void> {
    const { client } = context;
    const own = ["row", "stack"].includes(context.ownership(claimOf(host.metadata)));
    if (own && host.instance) await remove("instances", host.instance.resourceId, context);
    context.progress(`waiting until EMF has deleted the old registration ${host.resourceId}`);
    await waitGone(
        () => client.remove("hosts", host.resourceId, { signal: context.signal }),
        host.resourceId,
        context,
    );
}

/** A host's own instance shows neither its account nor its configs. */
async function fullInstance(
    instance: InstanceResource,
    { client, signal }: HostContext,
): Promise<InstanceResource | null> {
    return (await client.get("instances", instance.resourceId, { signal })) ?? null;
}

async function planContext(
    goal: Goal,
    observed: ObservedHost | undefined,
    { client, signal }: HostContext,
): Promise<PlanContext> {
    const { inputs, previous, outputs } = goal;
    const wanted = inputs.osProfile;
    const differs = wanted !== undefined && observed?.instance && observed.instance.osProfile !== wanted;
    const profile = differs ? await client.look("os", wanted, { signal }) : undefined;
    return {
        claim: outputs.claim,
        previous: previous && desiredOf(previous),
        sha256: profile?.sha256,
        reinstall:
            previous !== undefined &&
            inputs.reimageToken !== undefined &&
            previous.reimageToken !== inputs.reimageToken,
    };
}

/** Removes an object and waits; when the time is over, says what it waited for. */
export async function remove(
    collection: "hosts" | "instances",
    id: string,
    context: HostContext,
): Promise<void> {
    await waitGone(
        (onWait) => context.client.remove(collection, id, { signal: context.signal, onWait }),
        id,
        context,
    );
}

async function waitGone(
    body: (onWait: () => void) => Promise<void>,
    id: string,
    context: HostContext,
): Promise<void> {
    try {
        await body(() => context.progress(`waiting until EMF has deleted ${id}`));
    } catch (error) {
        if (!context.signal.aborted) throw error;
        throw new EdgeError(
            `${messageOf(context.signal.reason)}, and EMF has not finished deleting ${id}. A machine that is deleted while ` +
                "it is installed can take minutes; the next run goes on waiting",
            { cause: error },
        );
    }
}

/** Takes the steps of a plan, and keeps what they lead to. */
class Work {
    constructor(
        private readonly goal: Goal,
        private readonly context: HostContext,
        private readonly desired: DesiredHost,
        private readonly reached: EdgeHostOutputs,
        private observed: ObservedHost | undefined,
    ) {}

    async take(step: Step): Promise<void> {
        const { client, signal } = this.context;
        switch (step.do) {
            case "register":
                return this.register();
            case "describe":
                return this.describe();
            case "onboard":
                await client.changeHost(this.hostId, "onboard", { signal });
                return;
            case "deauthorize":
                await client.changeHost(this.hostId, "invalidate", { signal, note: "installed anew" });
                return;
            case "relink":
                await client.patch("instances", step.instance, { osID: this.osProfile }, { signal });
                return;
            case "removeInstance":
                await remove("instances", step.instance, this.context);
                delete this.reached.instanceId;
                return;
            case "removeHost":
                await remove("hosts", this.hostId, this.context);
                delete this.reached.hostId;
                return;
            case "createInstance":
                return this.createInstance();
        }
    }

    private async register(): Promise<void> {
        const host = await this.registerOnce().catch(async (error: unknown) => {
            if (!(error instanceof AlreadyExists || isRefusedState(error))) throw error;
            await this.explainRefusal(error);
            return this.registerOnce();
        });
        enterRow(host.resourceId, this.context);
        this.reached.hostId = host.resourceId;
        this.observed = observeHost(host, null);
        this.context.progress("registered");
    }

    private registerOnce(): Promise<HostResource> {
        const { client, signal, owner } = this.context;
        const { serial, uuid, lvmSizeGb } = this.goal.inputs;
        const { autoOnboard, enableVpro } = this.desired;
        const name = registrationName(owner);
        return client.createOnce(
            "hosts",
            {
                name,
                ...(serial === undefined ? {} : { serialNumber: serial }),
                ...(uuid === undefined ? {} : { uuid }),
                autoOnboard,
                ...(enableVpro ? { enableVpro } : {}),
                ...(lvmSizeGb === undefined ? {} : { userLvmSize: lvmSizeGb }),
            },
            {
                signal,
                same: (host) =>
                    host.name === name &&
                    !isBeingDeleted(host) &&
                    sameDevice({ serial: host.serialNumber, uuid: host.uuid }, { serial, uuid }),
            },
        );
    }

    /** EMF knows the device: somebody has registered it since we looked, or in another project, or it is going. */
    private async explainRefusal(error: unknown): Promise<void> {
        const { client, signal } = this.context;
        const hosts = await client.list("hosts", { maxAge: 0, signal });
        const host = findDevice(hosts, this.goal.inputs);
        if (!host) {
            throw new EdgeError(
                `${messageOf(error)}\nNo host of this project is that machine: it is registered in another project ` +
                    "(UUIDs are unique over all projects). Delete it there first",
                { cause: error },
            );
        }
        if (isBeingDeleted(host)) return finishRemoval(host, this.context);
        throw new EdgeError(
            admissionProblem(host, false, this.context) ??
                `${describeHost(host)} was registered a moment ago; run again to go on with it`,
            { cause: error },
        );
    }

    private async describe(): Promise<void> {
        const { client, signal } = this.context;
        if (!this.observed) throw new Error("a host is described after it is registered");
        const patch = hostPatch(this.observed, this.desired, {
            claim: this.goal.outputs.claim,
            previous: this.goal.previous && desiredOf(this.goal.previous),
        });
        if (patch) await client.patch("hosts", this.hostId, patch, { signal });
    }

    private async createInstance(): Promise<void> {
        const { client, signal } = this.context;
        const { localAccount, customConfigs } = this.goal.inputs;
        const hostID = this.hostId;
        const instance = await client.createOnce(
            "instances",
            {
                hostID,
                osID: this.osProfile,
                kind: "INSTANCE_KIND_UNSPECIFIED",
                securityFeature: this.desired.securityFeature,
                ...(localAccount === undefined ? {} : { localAccountID: localAccount }),
                ...(customConfigs?.length ? { customConfigID: customConfigs } : {}),
            },
            { signal, same: (other) => other.host?.resourceId === hostID && !isBeingDeleted(other) },
        );
        this.reached.instanceId = instance.resourceId;
    }

    private get hostId(): string {
        if (this.reached.hostId === undefined) throw new Error("no step before this one has found the host");
        return this.reached.hostId;
    }

    private get osProfile(): string {
        if (this.goal.inputs.osProfile === undefined) throw new Error("an instance needs an OS profile");
        return this.goal.inputs.osProfile;
    }
}

function isRefusedState(error: unknown): boolean {
    return error instanceof EmfError && error.code === "FailedPrecondition";
}

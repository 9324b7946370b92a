import type { HostResource, InstanceResource } from "./api";
import { mayDelete } from "./claims";
import { isBeingDeleted } from "./client";
import { describeHost, sameDevice } from "./device";
import { checkEdgeHost } from "./edgeHost.check";
import { converge, remove, type HostContext } from "./edgeHostConverge";
import { siteOf } from "./edgeHostPlan";
import {
    DEFAULTS,
    edgeHostInputs,
    edgeHostOutputs,
    SECURITY_FEATURES,
    type EdgeHostInputs,
    type EdgeHostOutputs,
} from "./edgeHost.schema";
import { claimOf, declaredMetadata } from "./placeMetadata";
import { emf } from "./system";
import { defineEmfResource } from "./target";

/** A machine in EMF: registered, described, and given an operating system to install. Waits for no machine. */
export const edgeHost = defineEmfResource({
    kind: "emf.EdgeHost",
    system: emf,
    inputs: edgeHostInputs,
    outputs: edgeHostOutputs,

    check: checkEdgeHost,

    same(olds, news) {
        const device = { serial: text(news.serial), uuid: text(news.uuid) };
        const names = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[];
        const equal = names.filter(
            (name) => (olds[name] ?? DEFAULTS[name]) === (news[name] ?? DEFAULTS[name]),
        );
        return sameDevice(olds, device) ? ["serial", "uuid", ...equal] : equal;
    },

    async create(inputs, context) {
        const { uid } = await context.client.project({ signal: context.signal });
        const id = `${uid}/${inputs.uuid ?? inputs.serial}`;
        const outputs = { claim: context.newClaim() };
        return { id, outputs: await converge({ id, inputs, outputs }, context) };
    },

    async read(_id, { inputs, outputs }, context) {
        const { client, signal } = context;
        const host =
            outputs.hostId === undefined ? undefined : await client.look("hosts", outputs.hostId, { signal });
        if (!host || isBeingDeleted(host)) return undefined;
        if (host.desiredState === "HOST_STATE_UNTRUSTED") {
            context.log.warn(
                `${describeHost(host)} was deauthorized, which EMF cannot take back: to have it again, let it be ` +
                    'installed anew (another reimageToken with reimage: "allow")',
            );
        }
        const instance = host.instance && !isBeingDeleted(host.instance) ? host.instance : undefined;
        return {
            inputs: {
                ...hostInputs(host, inputs),
                ...(await instanceInputs(instance, inputs, outputs, context)),
            },
            outputs: { instanceId: instance?.resourceId },
        };
    },

    async update(id, state, inputs, context) {
        const goal = { id, inputs, previous: state.inputs, outputs: state.outputs };
        return { outputs: await converge(goal, context) };
    },

    async delete(_id, { outputs }, context) {
        const { client, signal } = context;
        const host =
            outputs.hostId === undefined ? undefined : await client.get("hosts", outputs.hostId, { signal });
        if (!host) return;
        if (!mayDelete(claimOf(host.metadata), outputs.claim, describeHost(host), context)) return;
        // A host that still has an instance could not be finalised.
        if (host.instance) await remove("instances", host.instance.resourceId, context);
        await remove("hosts", host.resourceId, context);
    },
});

/** Only what the program declares is read back: the rest belongs to others. */
function hostInputs(host: HostResource, declared: EdgeHostInputs): Partial<EdgeHostInputs> {
    return {
        ...(declared.name === undefined ? {} : { name: host.name }),
        ...(declared.site === undefined ? {} : { site: siteOf(host) || undefined }),
        metadata: declaredMetadata(host.metadata, declared.metadata),
    };
}

async function instanceInputs(
    instance: InstanceResource | undefined,
    declared: EdgeHostInputs,
    outputs: EdgeHostOutputs,
    { client, signal }: HostContext,
): Promise<Partial<EdgeHostInputs>> {
    if (declared.osProfile === undefined) return {};
    if (!instance) return { osProfile: undefined };
    const found: Partial<EdgeHostInputs> = {
        osProfile: instance.os?.resourceId ?? instance.osID,
        ...(declared.securityFeature === undefined ? {} : featureOf(instance)),
    };
    // Neither can change while the instance stays the same, and no list shows them.
    const replaced = instance.resourceId !== outputs.instanceId;
    const asked = declared.localAccount !== undefined || declared.customConfigs !== undefined;
    if (!replaced || !asked) return found;
    const full = await client.get("instances", instance.resourceId, { signal });
    if (!full) return { osProfile: undefined };
    const configs = full.customConfig.map(({ resourceId }) => resourceId).sort();
    return {
        ...found,
        ...(declared.localAccount === undefined
            ? {}
            : { localAccount: full.localaccount?.resourceId ?? undefined }),
        ...(declared.customConfigs === undefined ? {} : { customConfigs: configs }),
    };
}

function featureOf({ securityFeature }: InstanceResource): Partial<EdgeHostInputs> {
    const feature = SECURITY_FEATURES.find((name) => securityFeature === `SECURITY_FEATURE_${name}`);
    return feature ? { securityFeature: feature } : {};
}

function text(value: unknown): string | undefined {
    return typeof value === "string" ? value : undefined;
}

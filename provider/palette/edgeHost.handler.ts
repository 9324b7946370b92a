import type { CheckOutcome } from "../resource/definition";
import { EdgeError } from "../resource/errors";
import { isKnown, type Checked } from "../resource/unknown";
import type { EdgeHostRecord, EdgeHostSummary } from "./api";
import { admissionProblem, assertStillOwn, mayDelete, PALETTE_CLAIM_KEY } from "./claims";
import { isAlreadyRegistered, type Scope } from "./client";
import { claimOf, describeHost, planEdgeHost, type HostPlan, type HostStep } from "./edgeHostPlan";
import { removeHost } from "./edgeHostRemove";
import { edgeHostInputs, edgeHostOutputs, type EdgeHostInputs } from "./edgeHost.schema";
import { decodeLabels } from "./labels";
import { palette } from "./system";
import { inCheck, inPaletteProject, type PaletteContext } from "./target";

/** An edge host: registered before its machine boots, and described. Waits for no machine. */
export const edgeHost = inPaletteProject({
    kind: "palette.EdgeHost",
    system: palette,
    inputs: edgeHostInputs,
    outputs: edgeHostOutputs,

    async check(host, context, state) {
        if (host.temporaryShellUser === true && isKnown(host.remoteShell) && host.remoteShell !== true) {
            const message = "needs remoteShell: true: it is the user of that shell";
            return { problems: [{ path: ["temporaryShellUser"], message }] };
        }
        const isNew = state?.uid === undefined || state.uid !== host.uid;
        return isNew ? checkUid(host, context) : {};
    },

    async create(host, context) {
        const claim = context.newClaim();
        const scope = await scopeOf(host, context);
        await register(host, claim, scope, context);
        return { id: host.uid, outputs: { claim } };
    },

    async read(id, { inputs: declared }, { client, signal }) {
        const { projectUid = "" } = declared;
        // A search does not tell of the remote shell.
        const asked = declared.remoteShell !== undefined;
        const found: EdgeHostRecord | EdgeHostSummary | undefined = asked
            ? await client.edgeHost(id, { projectUid }, { signal })
            : await client.lookedUpEdgeHost(id, projectUid, { signal });
        return found && { inputs: { uid: id, ...readBack(found, declared) } };
    },

    async update(id, state, host, context) {
        const { client, signal } = context;
        const { claim } = state.outputs;
        const scope = await scopeOf(host, context);
        const present = await client.edgeHost(id, scope, { signal });
        if (present) {
            assertStillOwn(claimOf(present), claim, describeHost(id), context);
            const plan = planEdgeHost(present, host, { claim, previous: state.inputs });
            await carryOut(plan, host, scope, context);
        } else await register(host, claim, scope, context);
        return {};
    },

    async delete(id, { inputs: { projectUid = "", force }, outputs: { claim } }, context) {
        const { client, signal } = context;
        const scope = { projectUid };
        const present = await client.edgeHost(id, scope, { signal });
        if (!present || !mayDelete(claimOf(present), claim, describeHost(id), context)) return;
        await removeHost(present, { uid: id, claim, force: force === true }, scope, context);
    },
});

/** What Palette has of the uid, before a host is made of it. */
async function checkUid(
    host: Checked<EdgeHostInputs>,
    context: PaletteContext,
): Promise<CheckOutcome<EdgeHostInputs>> {
    const { uid, project, adopt, architecture } = host;
    if (!isKnown(uid) || !isKnown(project)) return {};
    const message = await inCheck(
        context,
        async (client, signal) => {
            const { projectUid } = await client.project(project, { signal });
            const present = (await client.listedEdgeHosts(projectUid, { signal })).get(uid);
            if (!present) return undefined;
            const refused = admissionProblem(claimOf(present), adopt === true, describeHost(uid), context);
            if (refused !== undefined || !isKnown(architecture)) return refused;
            return planEdgeHost(present, { uid, architecture }, { claim: "" }).refused;
        },
        undefined,
    );
    return message === undefined ? {} : { problems: [{ path: ["uid"], message }] };
}

/** Registers a host. It is not looked for first: that would be a call for each of a thousand new ones. */
async function register(
    host: EdgeHostInputs,
    claim: string,
    scope: Exclude<Scope, "tenant">,
    context: PaletteContext,
): Promise<void> {
    try {
        await carryOut(planEdgeHost(undefined, host, { claim }), host, scope, context);
    } catch (error) {
        if (!isAlreadyRegistered(error)) throw error;
        await takeOver(host, claim, scope, context, error);
    }
}

/** The uid is taken: by this row's interrupted run, or by a host that may be taken over, or that may not. */
async function takeOver(
    host: EdgeHostInputs,
    claim: string,
    scope: Exclude<Scope, "tenant">,
    context: PaletteContext,
    cause: unknown,
): Promise<void> {
    const { client, signal, title } = context;
    const present = await client.edgeHost(host.uid, scope, { signal });
    if (!present) {
        throw new EdgeError(
            `${title}: ${describeHost(host.uid)} is registered already, but not in this project: uids are unique in the whole ` +
                "tenant. Delete it in its project, or choose another uid",
            { cause },
        );
    }
    const refused = admissionProblem(claimOf(present), host.adopt === true, describeHost(host.uid), context);
    if (refused !== undefined) throw new EdgeError(`${title}: ${refused}`, { cause });
    await carryOut(planEdgeHost(present, host, { claim }), host, scope, context);
}

async function carryOut(
    { steps, refused }: HostPlan,
    { uid }: EdgeHostInputs,
    scope: Scope,
    context: PaletteContext,
): Promise<void> {
    if (refused !== undefined) throw new EdgeError(`${context.title}: ${refused}`);
    for (const step of steps) await take(step, uid, scope, context);
}

async function take(
    step: HostStep,
    uid: string,
    scope: Scope,
    { client, signal }: PaletteContext,
): Promise<void> {
    switch (step.do) {
        case "register": {
            const claim = step.body.metadata.labels?.[PALETTE_CLAIM_KEY];
            const same = (host: EdgeHostRecord): boolean => claimOf(host) === claim;
            return client.registerEdgeHost(step.body, scope, { signal, same });
        }
        case "remove":
            return client.removeEdgeHost(uid, scope, { signal });
        case "describe":
            return client.setEdgeHostMeta(uid, { name: step.name, labels: step.labels }, scope, { signal });
        case "tunnel":
            return client.setTunnel(uid, step.body, scope, { signal });
        case "pairingKey":
            return client.setPairingKey(uid, step.key, scope, { signal });
    }
}

/** Only what the program declares is read back: the rest belongs to others. */
function readBack(
    { metadata, spec }: EdgeHostRecord | EdgeHostSummary,
    declared: EdgeHostInputs,
): Partial<EdgeHostInputs> {
    const labels = Object.entries(metadata.labels ?? {}).filter(([key]) =>
        Object.hasOwn(declared.labels ?? {}, key),
    );
    const tunnel = spec && "tunnelConfig" in spec ? spec.tunnelConfig : undefined;
    return {
        ...(declared.name === undefined ? {} : { name: metadata.name }),
        ...(declared.labels === undefined ? {} : { labels: decodeLabels(Object.fromEntries(labels)) }),
        // Not told before the machine has paired.
        ...(declared.architecture === undefined
            ? {}
            : { architecture: spec?.device?.archType ?? declared.architecture }),
        ...(declared.remoteShell === undefined ? {} : { remoteShell: tunnel?.remoteSsh === "enabled" }),
        ...(declared.temporaryShellUser === undefined
            ? {}
            : { temporaryShellUser: tunnel?.remoteSshTempUser === "enabled" }),
    };
}

function scopeOf(
    { project }: EdgeHostInputs,
    { client, signal }: PaletteContext,
): Promise<Exclude<Scope, "tenant">> {
    return client.project(project, { signal });
}

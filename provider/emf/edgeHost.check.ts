import type { CheckOutcome } from "../resource/definition";
import { EdgeError } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN, type Checked } from "../resource/unknown";
import type { Collection, HostResource } from "./api";
import { isBeingDeleted } from "./client";
import { findDevice, sameDevice } from "./device";
import { admissionProblem, desiredOf, type HostContext } from "./edgeHostConverge";
import { observeHost, planHost } from "./edgeHostPlan";
import type { EdgeHostInputs } from "./edgeHost.schema";
import { isId, resolve } from "./references";
import { inCheck } from "./target";

type Inputs = Checked<EdgeHostInputs>;
type Values = Partial<Inputs>;

/** Inputs whose change may need another installation. */
const INSTALLED = [
    "osProfile",
    "securityFeature",
    "localAccount",
    "customConfigs",
    "lvmSizeGb",
    "reimageToken",
] as const satisfies readonly (keyof EdgeHostInputs)[];

/**
 * The rules over several inputs, names resolved to ids, and, for a new host or another image, what EMF already has
 * of the device. Nothing is asked of EMF when nothing has changed and all references are ids.
 */
export async function checkEdgeHost(
    inputs: Inputs,
    context: HostContext,
    state?: Partial<EdgeHostInputs>,
): Promise<CheckOutcome<EdgeHostInputs>> {
    const problems = rules(inputs);
    if (problems.length > 0) return { problems };
    const last = state && sameDevice(state, deviceOf(inputs)) ? state : undefined;
    const outcome = await inCheck<CheckOutcome<EdgeHostInputs>>(
        context,
        async () => {
            const { values, problems: unresolved } = await references(inputs, context, last);
            if (unresolved.length > 0) return { values, problems: unresolved };
            return { values, problems: await situation({ ...inputs, ...values }, context, last) };
        },
        { values: unresolvedValues(inputs, last) },
    );
    return { ...outcome, values: { ...outcome.values, ...WITHOUT_HINTS } };
}

/** What only the check needs leaves the inputs here. */
const WITHOUT_HINTS = { imageSha256: undefined } as const;

function rules(inputs: Inputs): Problem[] {
    const problems: Problem[] = [];
    const given = (name: keyof EdgeHostInputs): boolean => inputs[name] !== undefined;
    if (!given("serial") && !given("uuid")) {
        problems.push({ path: [], message: "needs serial, uuid or both: EMF knows a machine by them" });
    }
    for (const name of ["localAccount", "customConfigs"] as const) {
        if (!given(name) || given("osProfile")) continue;
        problems.push({ path: [name], message: "needs osProfile: it is part of an installation" });
    }
    return problems;
}

const REFERENCES = {
    site: "sites",
    osProfile: "os",
    localAccount: "localAccounts",
    customConfigs: "customConfigs",
} as const satisfies Partial<Record<keyof EdgeHostInputs, Collection>>;
type Reference = keyof typeof REFERENCES;

/** Ids of what is referred to. Ids that have not changed since the last run are not asked about again. */
async function references(
    inputs: Inputs,
    context: HostContext,
    last: Partial<EdgeHostInputs> | undefined,
): Promise<{ values: Values; problems: Problem[] }> {
    const values: Values = {};
    const problems: Problem[] = [];
    for (const [name, collection] of Object.entries(REFERENCES) as [Reference, Collection][]) {
        const given = inputs[name];
        if (given === undefined || !isKnown(given)) continue;
        const before = new Set([last?.[name] ?? []].flat());
        const ids: string[] = [];
        for (const [i, text] of [given].flat().entries()) {
            try {
                const known = isId(collection, text) && before.has(text);
                ids.push(
                    known
                        ? text
                        : (await resolve(context.client, collection, text, context.signal)).resourceId,
                );
            } catch (error) {
                if (error instanceof EdgeError && error.name === "EdgeError") {
                    const path = Array.isArray(given) ? [name, i] : [name];
                    problems.push({ path, message: error.message });
                } else throw error;
            }
        }
        Object.assign(values, { [name]: Array.isArray(given) ? [...new Set(ids)].sort() : ids[0] });
    }
    return { values, problems };
}

/** Without EMF a name cannot become an id; that of the last run is the best guess, or it stays unknown. */
function unresolvedValues(inputs: Inputs, last: Partial<EdgeHostInputs> | undefined): Values {
    const values: Values = {};
    for (const [name, collection] of Object.entries(REFERENCES) as [Reference, Collection][]) {
        const given = inputs[name];
        if (given === undefined || !isKnown(given)) continue;
        if ([given].flat().every((text) => isId(collection, text))) continue;
        Object.assign(values, { [name]: last?.[name] ?? UNKNOWN });
    }
    return values;
}

/** What EMF's present state has against it: a device of others, or a disk that would be erased. */
async function situation(
    inputs: Inputs,
    context: HostContext,
    last: Partial<EdgeHostInputs> | undefined,
): Promise<Problem[]> {
    const changed = INSTALLED.filter(
        (name) => last !== undefined && JSON.stringify(last[name]) !== JSON.stringify(inputs[name]),
    );
    const isNew = last === undefined;
    if (!isKnown(inputs.serial) || !isKnown(inputs.uuid) || !(isNew || changed.length > 0)) return [];
    const { client, signal } = context;
    const mismatch = await featureProblem(inputs, context);
    if (mismatch) return [mismatch];
    let host: HostResource | undefined;
    try {
        host = findDevice(await client.list("hosts", { signal }), deviceOf(inputs));
    } catch (error) {
        if (!(error instanceof EdgeError) || error.name !== "EdgeError") throw error;
        return [{ path: [inputs.serial === undefined ? "uuid" : "serial"], message: error.message }];
    }
    if (!host || isBeingDeleted(host)) return [];
    const refused = admissionProblem(host, inputs.adopt === true, context);
    if (isNew && refused) {
        return [{ path: [inputs.serial === undefined ? "uuid" : "serial"], message: refused }];
    }
    return reimageProblem(host, inputs, context, last, changed);
}

async function featureProblem(inputs: Inputs, { client, signal }: HostContext): Promise<Problem | undefined> {
    const { osProfile, securityFeature } = inputs;
    if (securityFeature !== "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION") return undefined;
    if (osProfile === undefined || !isKnown(osProfile)) return undefined;
    const profile = await client.look("os", osProfile, { signal });
    if (!profile || profile.securityFeature === `SECURITY_FEATURE_${securityFeature}`) return undefined;
    return {
        path: ["securityFeature"],
        message:
            `${securityFeature} is not offered by OS profile ${profile.name} (${osProfile}), whose securityFeature is ` +
            `${profile.securityFeature.replace("SECURITY_FEATURE_", "")}: use a profile that offers it, or NONE`,
    };
}

/** Stands for a profile that this very run makes: its id comes later, its image is known. */
const UNMADE_PROFILE = "one that this run makes";

/** The plan tells, from what is known, whether the disk would be erased. */
async function reimageProblem(
    host: HostResource,
    inputs: Inputs,
    context: HostContext,
    last: Partial<EdgeHostInputs> | undefined,
    changed: readonly (typeof INSTALLED)[number][],
): Promise<Problem[]> {
    const { client, signal } = context;
    const [first = "osProfile"] = changed;
    const observed = observeHost(host, host.instance);
    const { imageSha256 } = inputs;
    const isForeseen = imageSha256 !== undefined && isKnown(imageSha256);
    const unknown = INSTALLED.filter(
        (name) => !isKnown(inputs[name]) && !(name === "osProfile" && isForeseen),
    );
    const inUse = observed.instance?.disk === "installed" || observed.instance?.disk === "writing";
    if (unknown.length > 0) {
        if (inUse && inputs.reimage !== "allow") {
            context.log.warn(
                `${unknown.join(", ")} is not known yet; if the image differs from the one on the disk, this will be ` +
                    'refused unless reimage is "allow"',
            );
        }
        return [];
    }
    const osProfile = isKnown(inputs.osProfile) ? inputs.osProfile : UNMADE_PROFILE;
    const desired = desiredOf({ ...(inputs as EdgeHostInputs), osProfile });
    if (observed.instance) {
        // A host's own instance does not show these; what the last run set is what is there.
        observed.instance.localAccount = last?.localAccount ?? desired.localAccount ?? "";
        observed.instance.customConfigs = last?.customConfigs ?? desired.customConfigs ?? [];
    }
    const profile =
        osProfile === undefined || osProfile === UNMADE_PROFILE
            ? undefined
            : await client.look("os", osProfile, { signal });
    const plan = planHost(observed, desired, {
        claim: "",
        sha256: profile?.sha256 ?? (isForeseen ? imageSha256 : undefined),
        previous: last && desiredOf(last),
        reinstall: changed.includes("reimageToken") && inputs.reimageToken !== undefined,
    });
    if (plan.refused !== undefined) return [{ path: [first], message: plan.refused }];
    if (plan.reimage !== undefined)
        context.log.warn(`will be installed anew, which erases its disk: ${plan.reimage}`);
    return [];
}

function deviceOf(inputs: Inputs): { serial?: string | undefined; uuid?: string | undefined } {
    const { serial, uuid } = inputs;
    return {
        serial: isKnown(serial) ? serial : undefined,
        uuid: isKnown(uuid) ? uuid : undefined,
    };
}

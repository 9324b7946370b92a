import { EMF_CLAIM_KEY } from "../../provider/emf/claims";
import type {
    HostResource,
    InstanceResource,
    MetadataItem,
    OsResource,
    RegionResource,
    SiteResource,
} from "../../provider/emf/api";
import { isBeingDeleted, type EmfClient } from "../../provider/emf/client";
import { DEFAULT_PROFILES } from "../../provider/emf/defaultProfiles";
import { edgeHost } from "../../provider/emf/edgeHost.handler";
import { desiredOf } from "../../provider/emf/edgeHostConverge";
import { hostPatch, observeHost, planHost, siteOf } from "../../provider/emf/edgeHostPlan";
import { METADATA_ITEMS_MAX, metadataProblem } from "../../provider/emf/hostRules";
import { osProfile } from "../../provider/emf/osProfile.handler";
import { claimOfProfile, contentOf, planOsProfile } from "../../provider/emf/osProfile.plan";
import type { OsProfileInputs } from "../../provider/emf/osProfile.schema";
import { metadataText, parseMetadata, readMetadata } from "../../provider/emf/osProfileMetadata";
import { claimOf } from "../../provider/emf/placeMetadata";
import { planRegion, region } from "../../provider/emf/region.handler";
import { planSite, site } from "../../provider/emf/site.handler";
import { checkFields, checkInputs } from "../../provider/resource/check";
import type { AnyResource } from "../../provider/resource/definition";
import { formatPath, type Problem } from "../../provider/resource/problem";
import { checkContext } from "../checkContext";

/**
 * Whether a program can take an object over and write nothing but its claim. The resources' own checks and plans
 * say so, for exactly the inputs that the program gives.
 */
export type Verdict<A> = { args: A; note?: string } | { left: string };

/** Inputs of a resource as the program gives them. */
export type Args = Record<string, unknown>;

/** As long as a real one; only its length and its key matter here. */
const CLAIM = `${"0".repeat(12)}-${"0".repeat(16)}`;
const PROFILE_METADATA_MAX = 500;
const FOREIGN = "a Pulumi stack manages it already";

export function judgeRegion(object: RegionResource, all: readonly RegionResource[]): Verdict<Args> {
    const parent = idOf(object.parentRegion);
    const metadata = declarable(object.metadata);
    const args = compact({ name: object.name, parent, metadata, adopt: true });
    const namesakes = all.filter(
        (other) =>
            other.name === object.name && (parent === undefined || idOf(other.parentRegion) === parent),
    );
    return judgePlace("region", object.metadata, namesakes.length, args, {
        definition: region,
        changes: () => planRegion(object, args as unknown as Parameters<typeof planRegion>[1], {}, CLAIM),
    });
}

export function judgeSite(object: SiteResource, all: readonly SiteResource[]): Verdict<Args> {
    const regionId = idOf(object.region);
    const placed = object.siteLat !== 0 || object.siteLng !== 0;
    const args = compact({
        name: object.name,
        regionId,
        latitude: placed ? object.siteLat / 1e7 : undefined,
        longitude: placed ? object.siteLng / 1e7 : undefined,
        metadata: declarable(object.metadata),
        adopt: true,
    });
    const namesakes = all.filter(
        (other) => other.name === object.name && (regionId === undefined || idOf(other.region) === regionId),
    );
    return judgePlace("site", object.metadata, namesakes.length, args, {
        definition: site,
        changes: () => planSite(object, args as unknown as Parameters<typeof planSite>[1], {}, CLAIM),
    });
}

function judgePlace(
    kind: string,
    metadata: readonly MetadataItem[],
    namesakes: number,
    args: Args,
    rules: { definition: AnyResource; changes: () => object },
): Verdict<Args> {
    const claimed = claimProblem(metadata);
    if (claimed !== undefined) return { left: claimed };
    if (namesakes > 1)
        return { left: `${namesakes} ${kind}s have its name, and a name is how it would be found` };
    const { problems } = checkFields(rules.definition, args);
    if (problems.length > 0) return { left: textOf(problems) };
    const changed = Object.keys(rules.changes()).filter((field) => field !== "metadata");
    return changed.length > 0 ? { left: `taking it over would change ${changed.join(", ")}` } : { args };
}

export async function judgeOsProfile(object: OsResource, client: EmfClient): Promise<Verdict<Args>> {
    if (claimOfProfile(object) !== undefined) return { left: FOREIGN };
    if (isDefault(object)) return { left: "it is one of EMF's own" };
    if (object.name === "" || object.name !== object.name.trim()) {
        return { left: "it has no name that it could be found by" };
    }
    const { type, provider, securityFeature } = contentOf(object);
    const metadata = declarableProfileMetadata(object);
    const args = compact({
        name: object.name,
        imageUrl: object.imageUrl,
        sha256: object.sha256,
        type,
        securityFeature,
        provider: provider === "INFRA" ? undefined : provider,
        architecture: object.architecture || undefined,
        profileName: object.profileName || undefined,
        imageId: object.imageId || undefined,
        description: object.description || undefined,
        metadata,
        // An absent one would be taken from the image's server.
        tlsCaCert: object.tlsCaCert,
        existingCvesUrl: object.existingCvesUrl || undefined,
        fixedCvesUrl: object.fixedCvesUrl || undefined,
        installedPackagesUrl: object.installedPackagesUrl || undefined,
        adopt: true,
    });
    const { inputs, problems } = await checked(osProfile, args, client);
    if (problems.length > 0) return { left: textOf(problems) };
    const stored = parseMetadata(object.metadata);
    const steps = planOsProfile(object, inputs as unknown as OsProfileInputs, {}, CLAIM);
    const claimed = metadataText({ ...stored, [EMF_CLAIM_KEY]: CLAIM });
    if (claimed.length > PROFILE_METADATA_MAX) return { left: "its metadata has no room for a claim" };
    const onlyClaim = steps.every(
        (step) =>
            step.do === "patch" &&
            Object.keys(step.body).join() === "metadata" &&
            step.body.metadata === claimed,
    );
    return onlyClaim ? { args } : { left: "taking it over would change more than its claim" };
}

/**
 * Also judged without what is in the way: the serial number that several hosts have, or an installation that a program
 * cannot describe. The note then says why.
 */
export async function judgeHost(
    host: HostResource,
    instance: InstanceResource | undefined,
    client: EmfClient,
): Promise<Verdict<Args>> {
    if (isBeingDeleted(host)) return { left: "it is being deleted" };
    if (host.desiredState === "HOST_STATE_UNTRUSTED") return { left: "it was deauthorized" };
    const claimed = claimProblem(host.metadata);
    if (claimed !== undefined) return { left: claimed };

    const whole = hostArgs(host, instance);
    const byUuid = whole.uuid === undefined ? [] : [without(whole, ["serial"])];
    const installation = ["osProfile", "securityFeature", "localAccount", "customConfigs"];
    const candidates = [whole, ...byUuid, ...[whole, ...byUuid].map((args) => without(args, installation))];
    const reasons: string[] = [];
    for (const args of candidates) {
        const reason = await hostProblem(host, instance, args, client);
        if (reason === undefined) return { args, ...(reasons[0] === undefined ? {} : { note: reasons[0] }) };
        reasons.push(reason);
    }
    return { left: reasons[0] ?? "" };
}

function hostArgs(host: HostResource, instance: InstanceResource | undefined): Args {
    const named = host.name !== "" && host.name !== host.resourceId;
    const installed = instance && !isBeingDeleted(instance) ? instance : undefined;
    const feature = installed?.securityFeature.replace("SECURITY_FEATURE_", "");
    const configs = installed?.customConfig.map(({ resourceId }) => resourceId) ?? [];
    return compact({
        serial: host.serialNumber || undefined,
        uuid: host.uuid || undefined,
        name: named ? host.name : undefined,
        site: siteOf(host) || undefined,
        metadata: declarable(host.metadata),
        osProfile: firstText(installed?.os?.resourceId, installed?.osID),
        securityFeature: feature === "NONE" ? undefined : feature,
        localAccount: firstText(installed?.localaccount?.resourceId, installed?.localAccountID),
        customConfigs: configs.length > 0 ? configs : undefined,
        lvmSizeGb: host.userLvmSize > 0 ? host.userLvmSize : undefined,
        autoOnboard: host.desiredState === "HOST_STATE_REGISTERED" ? false : undefined,
        enableVpro: host.desiredAmtState === "AMT_STATE_PROVISIONED" ? true : undefined,
        adopt: true,
    });
}

async function hostProblem(
    host: HostResource,
    instance: InstanceResource | undefined,
    args: Args,
    client: EmfClient,
): Promise<string | undefined> {
    const { inputs, problems } = await checked(edgeHost, args, client);
    if (problems.length > 0) return textOf(problems);
    const observed = observeHost(host, instance ?? null);
    const desired = desiredOf(inputs);
    const plan = planHost(observed, desired, { claim: CLAIM });
    if (plan.refused !== undefined) return plan.refused;
    const steps = plan.steps.map((step) => step.do).filter((step) => step !== "describe");
    if (steps.length > 0) return `taking it over would need: ${steps.join(", ")}`;
    const patch = hostPatch(observed, desired, { claim: CLAIM });
    const fields = Object.keys(patch ?? {}).filter((field) => field !== "name" && field !== "metadata");
    // A host without a name gets its id as one with the first write, as from orch-cli.
    const named = patch === undefined || patch.name === host.name || host.name === "";
    const changed = [...fields, ...(named ? [] : ["name"])];
    return changed.length > 0 ? `taking it over would change ${changed.join(", ")}` : undefined;
}

async function checked(
    definition: AnyResource,
    args: Args,
    client: EmfClient,
): Promise<{ inputs: Record<string, unknown>; problems: Problem[] }> {
    const context = checkContext({
        title: definition.kind,
        client: () => client,
        projectDir: process.cwd(),
        warnings: [],
    });
    return checkInputs(definition, args, undefined, context);
}

function claimProblem(metadata: readonly MetadataItem[]): string | undefined {
    if (claimOf(metadata) !== undefined) return FOREIGN;
    return metadata.length > METADATA_ITEMS_MAX ? "its metadata has no room for a claim" : undefined;
}

/** The keys a program may declare; others stay in EMF, and are nobody's business here. */
function declarable(items: readonly MetadataItem[]): Record<string, string> | undefined {
    const good = items.filter(({ key, value }) => metadataProblem(key, value) === undefined);
    return good.length > 0 ? Object.fromEntries(good.map(({ key, value }) => [key, value])) : undefined;
}

/** Likewise; a key whose spelling the resource would change cannot be declared as it is. */
function declarableProfileMetadata({ metadata }: OsResource): Record<string, string> | undefined {
    const good = Object.entries(parseMetadata(metadata)).filter(([key, value]) => {
        const { metadata: read, problems } = readMetadata({ [key]: value });
        return problems.length === 0 && read[key] === value;
    });
    return good.length > 0 ? Object.fromEntries(good) : undefined;
}

function isDefault({ profileName, imageId }: OsResource): boolean {
    return DEFAULT_PROFILES.some((one) => one.profileName === profileName && one.imageId === imageId);
}

function idOf(object: { resourceId: string } | null): string | undefined {
    return object === null || object.resourceId === "" ? undefined : object.resourceId;
}

export function textOf(problems: readonly Problem[]): string {
    return problems
        .map(({ path, message }) => (path.length > 0 ? `${formatPath(path)}: ${message}` : message))
        .join("; ")
        .replace(/\s+/g, " ");
}

/** EMF fills absent text with "". */
function firstText(...texts: (string | undefined)[]): string | undefined {
    return texts.find((text) => text !== undefined && text !== "");
}

function compact(values: Args): Args {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function without(args: Args, names: readonly string[]): Args {
    return Object.fromEntries(Object.entries(args).filter(([name]) => !names.includes(name)));
}

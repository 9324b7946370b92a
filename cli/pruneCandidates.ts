import type { CustomConfigResource, InstanceResource, OsResource } from "../provider/emf/api";
import type { EmfClient } from "../provider/emf/client";
import { COLLECTIONS } from "../provider/emf/collections";
import { suffixedName } from "../provider/emf/customConfig.handler";
import { claimOfProfile } from "../provider/emf/osProfile.plan";
import { claimAuthor, newClaim } from "../provider/resource/claim";
import type { StackExport } from "./stackExport";

/** Whose an old object is, and so what may be done with it. */
export type Standing =
    /** Made by the given stack, which has it no more. */
    | "old"
    /** Made by the given stack; without its state nobody knows whether it still has it. */
    | "unsure"
    /** Another stack's. */
    | "foreign"
    /** Named as this package names its own; who made it cannot be told. */
    | "unproven";

/** One thing that nothing uses. */
export interface Unused {
    /** As a person calls it. */
    kind: string;
    /** In EMF, or the address of a published image. */
    id: string;
    name: string;
    /** The claim it carries, of kinds that can carry one. */
    claim?: string;
    standing: Standing;
}

export interface Candidate extends Unused {
    collection: "os" | "customConfigs";
}

/** The stack whose old objects are asked for. */
export interface Stack {
    /** As claims have it. */
    owner: string;
    export?: StackExport | undefined;
}

const CONFIG_TYPE = "pulumi-nodejs:dynamic/edge-os/emf:CustomConfig";
/** What this package puts behind the name of a custom config, since a changed content is a new object. */
const SUFFIX = /-[0-9a-f]{6}$/;

/** Objects of this package that no instance uses, without those that the given stack still has. */
export async function findCandidates(client: EmfClient, stack: Stack | undefined): Promise<Candidate[]> {
    const [profiles, configs, instances] = await Promise.all([
        client.list("os", { maxAge: 0 }),
        client.list("customConfigs", { maxAge: 0 }),
        client.list("instances", { maxAge: 0 }),
    ]);
    const installed = new Set(instances.map(({ os, osID }) => os?.resourceId ?? osID));
    const found = profiles
        .filter(({ resourceId }) => !installed.has(resourceId))
        .flatMap((profile) => profileCandidate(profile, stack));
    const named = configs.filter(({ name }) => SUFFIX.test(name));
    const bound = named.length === 0 ? new Set<string>() : await boundConfigs(client, instances);
    const unused = named.filter(({ resourceId }) => !bound.has(resourceId));
    return [...found, ...unused.flatMap((config) => configCandidate(config, stack))];
}

function profileCandidate(profile: OsResource, stack: Stack | undefined): Candidate[] {
    const claim = claimOfProfile(profile);
    if (claim === undefined || claim === "") return [];
    const kind = COLLECTIONS.os.title;
    const candidate = { kind, collection: "os" as const, id: profile.resourceId, name: profile.name, claim };
    if (!stack || !claim.startsWith(`${stack.owner}-`)) return [{ ...candidate, standing: "foreign" }];
    if (!stack.export) return [{ ...candidate, standing: "unsure" }];
    const had = stack.export.rows.some(({ outputs }) => outputs.claim === claim);
    return had ? [] : [{ ...candidate, standing: "old" }];
}

/** Custom configs carry no claim. The suffix of one is a digest over its row and content, which a row can prove. */
function configCandidate(config: CustomConfigResource, stack: Stack | undefined): Candidate[] {
    const { name, resourceId } = config;
    const rows = stack?.export?.rows.filter(({ type }) => type === CONFIG_TYPE) ?? [];
    if (rows.some(({ outputs }) => outputs.configName === name)) return [];
    const proven = rows.some(({ urn, outputs }) => {
        const author = claimAuthor(newClaim(stack?.owner ?? "", urn, (bytes) => Buffer.alloc(bytes)));
        return typeof outputs.name === "string" && suffixedName(outputs.name, config.config, author) === name;
    });
    const kind = COLLECTIONS.customConfigs.title;
    return [
        { kind, collection: "customConfigs", id: resourceId, name, standing: proven ? "old" : "unproven" },
    ];
}

/** No list shows which configs an instance has. */
async function boundConfigs(client: EmfClient, instances: readonly InstanceResource[]): Promise<Set<string>> {
    const whole = await Promise.all(instances.map(({ resourceId }) => client.get("instances", resourceId)));
    return new Set(
        whole.flatMap((instance) => instance?.customConfig.map(({ resourceId }) => resourceId) ?? []),
    );
}

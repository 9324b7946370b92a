import type { EmfClient } from "../../provider/emf/client";
import { describeHost } from "../../provider/emf/device";
import { deviceLabel } from "../../provider/emf/hostRules";
import { describeProfile } from "../../provider/emf/osProfile.plan";
import { isId } from "../../provider/emf/references";
import type { Installation } from "./installation";
import { judgeHost, judgeOsProfile, judgeRegion, judgeSite, type Args } from "./judge";
import { identifier, Names } from "./names";

/** A resource of the program. */
export interface Resource {
    /** EMF's id of the object it takes over. */
    id: string;
    /** Its name in the program. */
    name: string;
    /** Its inputs; references in them are EMF's ids. */
    args: Args;
    /** What of the object the program leaves alone, and why. */
    note?: string;
}

export interface RegionPlan extends Resource {
    /** Name of the variable that holds it. */
    variable: string;
}

/** One that hosts refer to: by this text in a CSV, and by it as a key in the program. */
export interface NamedPlan extends Resource {
    key: string;
}

/** An object that the program does not take over. */
export interface LeftOut {
    what: string;
    why: string;
}

/** The end of a report. */
export function leftOut(left: readonly LeftOut[]): string[] {
    if (left.length === 0) return [];
    return [`  left out: ${left.length}`, ...left.map(({ what, why }) => `    ${what}: ${why}`)];
}

/** What the program will hold. */
export interface ProgramPlan {
    installation: Installation;
    /** Parents before their children. */
    regions: RegionPlan[];
    sites: NamedPlan[];
    osProfiles: NamedPlan[];
    /** Hosts that a CSV can describe wholly. */
    csvHosts: Resource[];
    otherHosts: Resource[];
    left: LeftOut[];
    /** How a program or a CSV names an object by text: its id, by default. */
    text: ReadonlyMap<string, string>;
}

export async function planProgram(installation: Installation, client: EmfClient): Promise<ProgramPlan> {
    const left: LeftOut[] = [];
    const text = texts(installation);
    const regions = planRegions(installation, left);
    const sites = planSites(installation, text, left);
    const osProfiles = await planProfiles(installation, text, client, left);
    const hosts = await planHosts(installation, client, left);
    const fitting = hosts.filter(fitsCsv);
    return {
        installation,
        regions,
        sites,
        osProfiles,
        csvHosts: fitting,
        otherHosts: hosts.filter((host) => !fitting.includes(host)),
        left,
        text,
    };
}

/** What a cell or an input says for an object: its name where only it has that, else its id. */
function texts({ sites, osProfiles, localAccounts, customConfigs }: Installation): Map<string, string> {
    const named: [
        collection: "sites" | "os" | "localAccounts" | "customConfigs",
        id: string,
        name: string,
    ][] = [
        ...sites.map(({ resourceId, name }) => ["sites", resourceId, name] as ["sites", string, string]),
        ...osProfiles.map(({ resourceId, name }) => ["os", resourceId, name] as ["os", string, string]),
        ...localAccounts.map(
            ({ resourceId, username }) =>
                ["localAccounts", resourceId, username] as ["localAccounts", string, string],
        ),
        ...customConfigs.map(
            ({ resourceId, name }) =>
                ["customConfigs", resourceId, name] as ["customConfigs", string, string],
        ),
    ];
    const times = new Map<string, number>();
    for (const [collection, , name] of named) {
        times.set(`${collection} ${name}`, (times.get(`${collection} ${name}`) ?? 0) + 1);
    }
    return new Map(
        named.map(([collection, id, name]) => {
            const clear =
                name !== "" &&
                name === name.trim() &&
                !isId(collection, name) &&
                times.get(`${collection} ${name}`) === 1;
            return [id, clear ? name : id];
        }),
    );
}

function planRegions({ regions }: Installation, left: LeftOut[]): RegionPlan[] {
    const names = new Names();
    const planned = regions.flatMap((object) => {
        const verdict = judgeRegion(object, regions);
        if ("left" in verdict) {
            left.push({
                what: `region ${JSON.stringify(object.name)} (${object.resourceId})`,
                why: verdict.left,
            });
            return [];
        }
        const name = names.take(object.name, object.resourceId);
        return [{ id: object.resourceId, name, args: verdict.args, variable: identifier("region", name) }];
    });
    return parentsFirst(uniqueVariables(planned));
}

/** `a-b` and `a.b` are two names and one identifier. */
function uniqueVariables(regions: RegionPlan[]): RegionPlan[] {
    const taken = new Set<string>();
    return regions.map((region) => {
        const digits = region.id.replace("region-", "");
        const variable = taken.has(region.variable) ? `${region.variable}_${digits}` : region.variable;
        taken.add(variable);
        return { ...region, variable };
    });
}

function parentsFirst(regions: readonly RegionPlan[]): RegionPlan[] {
    const byId = new Map(regions.map((region) => [region.id, region]));
    const depth = (region: RegionPlan): number => {
        const parent = byId.get(String(region.args.parent));
        return parent ? depth(parent) + 1 : 0;
    };
    return [...regions].sort((a, b) => depth(a) - depth(b));
}

function planSites({ sites }: Installation, text: ReadonlyMap<string, string>, left: LeftOut[]): NamedPlan[] {
    const names = new Names();
    return sites.flatMap((object) => {
        const verdict = judgeSite(object, sites);
        const id = object.resourceId;
        if ("left" in verdict) {
            left.push({ what: `site ${JSON.stringify(object.name)} (${id})`, why: verdict.left });
            return [];
        }
        return [{ id, key: text.get(id) ?? id, name: names.take(object.name, id), args: verdict.args }];
    });
}

async function planProfiles(
    { osProfiles }: Installation,
    text: ReadonlyMap<string, string>,
    client: EmfClient,
    left: LeftOut[],
): Promise<NamedPlan[]> {
    const names = new Names();
    const planned: NamedPlan[] = [];
    for (const object of osProfiles) {
        const verdict = await judgeOsProfile(object, client);
        const id = object.resourceId;
        if ("left" in verdict) left.push({ what: describeProfile(object), why: verdict.left });
        else {
            const name = names.take(object.name, id);
            planned.push({ id, key: text.get(id) ?? id, name, args: verdict.args });
        }
    }
    return planned;
}

async function planHosts(
    { hosts, instances }: Installation,
    client: EmfClient,
    left: LeftOut[],
): Promise<Resource[]> {
    const names = new Names();
    const planned: Resource[] = [];
    for (const host of hosts) {
        const instance = host.instance
            ? (instances.get(host.instance.resourceId) ?? host.instance)
            : undefined;
        const verdict = await judgeHost(host, instance, client);
        if ("left" in verdict) {
            left.push({ what: `host ${describeHost(host)}`, why: verdict.left });
            continue;
        }
        const { args, note } = verdict;
        const label = deviceLabel({ serial: host.serialNumber || undefined, uuid: host.uuid || undefined });
        const wish = typeof args.name === "string" ? args.name : label;
        const name = names.take(wish, host.resourceId);
        planned.push({ id: host.resourceId, name, args, ...(note === undefined ? {} : { note }) });
    }
    return planned;
}

/** The columns of orch-cli's CSV; it has none for names, vPro and machines that are held back. */
const CSV_INPUTS = [
    "serial",
    "uuid",
    "osProfile",
    "site",
    "securityFeature",
    "localAccount",
    "metadata",
    "lvmSizeGb",
    "customConfigs",
    "adopt",
];

function fitsCsv({ args, note }: Resource): boolean {
    if (note !== undefined) return false;
    return args.osProfile !== undefined && Object.keys(args).every((name) => CSV_INPUTS.includes(name));
}

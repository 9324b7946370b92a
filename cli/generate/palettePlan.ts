import type { EdgeHostSummary, RegistrationTokenRecord } from "../../provider/palette/api";
import { PALETTE_CLAIM_KEY } from "../../provider/palette/claims";
import type { PaletteClient } from "../../provider/palette/client";
import { edgeHostUidFault } from "../../provider/palette/edgeHostUid";
import { decodeLabels } from "../../provider/palette/labels";
import { moment } from "../../provider/palette/lifetime";
import type { Args } from "./judge";
import { Names } from "./names";
import { planClusters, type Spelling } from "./paletteClusters";
import { ConfigSecrets, MANAGED } from "./paletteJudge";
import { planProfiles } from "./paletteProfiles";
import type { LeftOut, NamedPlan } from "./plan";
import { code } from "./typescript";

/** What a program that takes over a project of Palette will hold. */
export interface PalettePlan {
    readonly project: string;
    readonly endpoint: string;
    readonly tokens: NamedPlan[];
    readonly hosts: NamedPlan[];
    readonly profiles: NamedPlan[];
    readonly clusters: NamedPlan[];
    /** Keys of the configuration that hold what Palette shows to nobody. */
    readonly secrets: readonly string[];
    readonly left: LeftOut[];
}

/** Reads a project, and the tenant's tokens where the key may see them. */
export async function planPaletteProgram(
    client: PaletteClient,
    flags: { readonly project?: string | undefined; readonly connection?: string | undefined },
    now: number,
): Promise<PalettePlan> {
    const left: LeftOut[] = [];
    const secrets = new ConfigSecrets();
    const project = flags.project ?? client.settings.project;
    const inTenant = flags.connection === undefined ? {} : { connection: flags.connection };
    const target = flags.project === undefined ? inTenant : { ...inTenant, project };
    const scope = { client, target, project: await client.project(project) };
    const listed = await client.listedEdgeHosts(scope.project.projectUid, { maxAge: 0 });
    const tokens = planTokens(await tokensOf(client, left), now, inTenant, left);
    const hosts = planHosts([...listed.values()], target, left);
    const profiles = await planProfiles(scope, secrets, left);
    const spelling = { ...references({ hosts, profiles }), secrets };
    const clusters = await planClusters(scope, spelling, left);
    return {
        ...{ project, endpoint: client.endpoint, left, secrets: secrets.keys },
        ...{ tokens, hosts, profiles, clusters },
    };
}

/** The program's own resources where it has them. */
function references(
    own: Readonly<Record<"hosts" | "profiles", readonly NamedPlan[]>>,
): Omit<Spelling, "secrets"> {
    const text = (kind: keyof typeof own, uid: string): string | undefined => {
        const found = own[kind].find(({ id }) => id === uid);
        return found && `${kind}[${JSON.stringify(found.key)}]`;
    };
    return {
        resource(kind, uid) {
            const found = text(kind, uid);
            return found === undefined ? undefined : code(found);
        },
        uid(kind, uid) {
            const found = text(kind, uid);
            return found === undefined ? uid : code(`${found}.uid`);
        },
    };
}

/** Tokens are the tenant's, and a key of a project's own may not see them. */
async function tokensOf(client: PaletteClient, left: LeftOut[]): Promise<RegistrationTokenRecord[]> {
    try {
        return await client.registrationTokens();
    } catch (error) {
        left.push({ what: "registration tokens", why: (error as Error).message });
        return [];
    }
}

function planTokens(
    records: RegistrationTokenRecord[],
    now: number,
    target: Args,
    left: LeftOut[],
): NamedPlan[] {
    const names = new Names();
    return records.flatMap((record) => {
        const { metadata, spec, status } = record;
        const { name = "", uid = "", annotations = {} } = metadata;
        const why = tokenFault(record, records, now);
        if (why !== undefined) {
            left.push({ what: `registration token ${name} (${uid})`, why });
            return [];
        }
        const project = spec.defaultProject?.name;
        const args: Args = {
            ...target,
            name,
            ...(annotations.description === undefined ? {} : { description: annotations.description }),
            expiry: moment(spec.expiry ?? "") ?? "",
            ...(project === undefined || project === "" ? {} : { defaultProject: project }),
            ...(status?.isActive === true ? {} : { active: false }),
            adopt: true,
        };
        return [{ id: uid, key: name, name: names.take(`token-${name}`, uid), args }];
    });
}

function tokenFault(
    { metadata, spec }: RegistrationTokenRecord,
    all: readonly RegistrationTokenRecord[],
    now: number,
): string | undefined {
    if (metadata.annotations?.[PALETTE_CLAIM_KEY] !== undefined) return MANAGED;
    const expiry = moment(spec.expiry ?? "");
    if (expiry === undefined || Date.parse(expiry) <= now) return "it has expired";
    const namesakes = all.filter((other) => other.metadata.name === metadata.name);
    return namesakes.length > 1 ? "others have its name, which is how it is taken over" : undefined;
}

function planHosts(hosts: EdgeHostSummary[], target: Args, left: LeftOut[]): NamedPlan[] {
    const names = new Names();
    const sorted = [...hosts].sort((a, b) => ((a.metadata.uid ?? "") < (b.metadata.uid ?? "") ? -1 : 1));
    return sorted.flatMap(({ metadata, spec }) => {
        const { uid = "", name = uid } = metadata;
        const { [PALETTE_CLAIM_KEY]: claim, ...labels } = metadata.labels ?? {};
        const fault = edgeHostUidFault(uid);
        const why = claim !== undefined ? MANAGED : fault && `its uid ${fault}`;
        if (why !== undefined) {
            left.push({ what: `edge host ${uid}`, why });
            return [];
        }
        const architecture = spec?.device?.archType;
        const args: Args = {
            ...target,
            uid,
            ...(name === uid ? {} : { name }),
            ...(Object.keys(labels).length === 0 ? {} : { labels: decodeLabels(labels) }),
            ...(architecture === undefined ? {} : { architecture }),
            adopt: true,
        };
        return [{ id: uid, key: uid, name: names.take(uid, uid), args }];
    });
}

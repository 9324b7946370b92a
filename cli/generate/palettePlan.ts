import type { EdgeHostSummary, RegistrationTokenRecord } from "../../provider/palette/api";
import { PALETTE_CLAIM_KEY } from "../../provider/palette/claims";
import type { PaletteClient } from "../../provider/palette/client";
import { edgeHostUidFault } from "../../provider/palette/edgeHostUid";
import { decodeLabels } from "../../provider/palette/labels";
import { moment } from "../../provider/palette/lifetime";
import type { Args } from "./judge";
import { Names } from "./names";
import type { LeftOut } from "./plan";

/** A resource of the program. */
export interface PaletteResource {
    /** Its name in the program. */
    readonly name: string;
    readonly args: Args;
}

/** What a program that takes over a project of Palette will hold. */
export interface PalettePlan {
    readonly project: string;
    readonly endpoint: string;
    readonly tokens: PaletteResource[];
    readonly hosts: PaletteResource[];
    readonly left: LeftOut[];
}

/** Reads a project, and the tenant's tokens where the key may see them. */
export async function planPaletteProgram(
    client: PaletteClient,
    project: string,
    now: number,
): Promise<PalettePlan> {
    const left: LeftOut[] = [];
    const { projectUid } = await client.project(project);
    const hosts = await client.listedEdgeHosts(projectUid, { maxAge: 0 });
    return {
        ...{ project, endpoint: client.endpoint, left },
        tokens: planTokens(await tokensOf(client, left), now, left),
        hosts: planHosts([...hosts.values()], left),
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

function planTokens(records: RegistrationTokenRecord[], now: number, left: LeftOut[]): PaletteResource[] {
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
            name,
            ...(annotations.description === undefined ? {} : { description: annotations.description }),
            expiry: moment(spec.expiry ?? "") ?? "",
            ...(project === undefined || project === "" ? {} : { defaultProject: project }),
            ...(status?.isActive === true ? {} : { active: false }),
            adopt: true,
        };
        return [{ name: names.take(`token-${name}`, uid), args }];
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

const MANAGED = "a Pulumi stack manages it already";

function planHosts(hosts: EdgeHostSummary[], left: LeftOut[]): PaletteResource[] {
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
            uid,
            ...(name === uid ? {} : { name }),
            ...(Object.keys(labels).length === 0 ? {} : { labels: decodeLabels(labels) }),
            ...(architecture === undefined ? {} : { architecture }),
            adopt: true,
        };
        return [{ name: names.take(uid, uid), args }];
    });
}

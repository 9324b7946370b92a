import { readJson, readText, writeAtomically, type LabFolder } from "./folder";
import type { Lab } from "./index";

/** The stand-ins that run only when something asks for them: each costs memory, and IMS's jobs need root and tools. */
export const FURTHER_SYSTEMS = ["ims", "palette", "canvos"] as const;
export type FurtherSystem = (typeof FURTHER_SYSTEMS)[number];

/**
 * What a client needs to reach the lab: `lab.json` in its folder. The block of a system is what a stack has as
 * `edge-os:<system>`; secrets are in files of their own.
 */
export interface LabDescription {
    readonly emf: Readonly<Record<"endpoint" | "keycloak" | "project" | "username" | "caFile", string>>;
    readonly ims?: Readonly<Record<"endpoint" | "clientId" | "caFile", string>>;
    readonly palette?: Readonly<Record<"endpoint" | "caFile", string>>;
    readonly canvos?: Readonly<Record<string, string>>;
    /** What an appliance is built from, and where to. */
    readonly appliance?: Readonly<Record<"repository" | "registry" | "firmware", string>>;
    readonly images: { readonly directory: string; readonly baseUrl: string };
    /** The endpoint the lab's own command line talks to; its token is in a file of its own. */
    readonly control?: { readonly endpoint: string };
}

/** Writes where the lab is reached into its folder. */
export function describeLab(lab: Lab, folder: LabFolder, controlEndpoint?: string): void {
    const { caFile, images } = lab;
    const { endpoint, keycloak, project, username } = lab.emf;
    const runs = (system: FurtherSystem): boolean => lab.systems().includes(system);
    const description: LabDescription = {
        emf: { endpoint, keycloak, project, username, caFile },
        ...(runs("ims") ? { ims: { endpoint: lab.ims.endpoint, clientId: lab.ims.clientId, caFile } } : {}),
        ...(runs("palette") ? { palette: { endpoint: lab.palette.endpoint, caFile } } : {}),
        ...(runs("canvos") ? { canvos: lab.canvos.settings, appliance: describeAppliance(lab.canvos) } : {}),
        images: { directory: images.directory, baseUrl: images.baseUrl },
        ...(controlEndpoint === undefined ? {} : { control: { endpoint: controlEndpoint } }),
    };
    writeAtomically(folder.description, `${JSON.stringify(description, undefined, 4)}\n`);
}

/** What the configuration of an example has as `appliance`. */
export function describeAppliance({
    repository,
    registry,
    firmware,
}: Lab["canvos"]): NonNullable<LabDescription["appliance"]> {
    return { repository: repository.folder, registry, firmware };
}

/** What the folder's lab was when it ran last. */
export function readDescription(folder: LabFolder): LabDescription | undefined {
    return readJson(folder.description) as LabDescription | undefined;
}

/** The systems that a lab of this folder has run: stacks count on them after a restart. */
export function systemsOf(description: LabDescription | undefined): FurtherSystem[] {
    return FURTHER_SYSTEMS.filter((system) => description?.[system] !== undefined);
}

/** The lab's secrets, as the environment hands them to resources. */
export function secretsOf(folder: LabFolder): Record<string, string> {
    const files = {
        EDGE_OS_EMF_PASSWORD: folder.password,
        EDGE_OS_IMS_CLIENT_SECRET: folder.imsClientSecret,
        EDGE_OS_PALETTE_API_KEY: folder.paletteApiKey,
    };
    return Object.fromEntries(
        Object.entries(files).flatMap(([name, file]) => {
            const secret = readText(file)?.trim();
            return secret === undefined ? [] : [[name, secret]];
        }),
    );
}

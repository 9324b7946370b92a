import * as fs from "node:fs";
import * as path from "node:path";
import type { ResultCache } from "../image/cache";
import { UnavailableHere } from "../resource/errors";
import type { ApplianceInputs } from "./applianceImage.schema";
import type { BasePlan } from "./baseImage.plan";
import { appliancePayload, firmwareDigests, PAYLOAD } from "./appliance";
import type { BuildPlan, PlacedText, Placement } from "./build.plan";
import type { KnownCheckout } from "./checkout";
import { defaultOf } from "./earthfile";
import { imagesOf, scriptImages } from "./earthfile.images";
import { distinctTag, imageNames, type ImageNames } from "./imageNames";
import { inputHash } from "./inputHash";
import { readHere, userDataText } from "./localText";
import { profileValues } from "./profileValues";
import { effectiveVariables } from "./rules";
import type { CanvosSettings } from "./settings";
import { LUET_LOGIN } from "./supervisor";

export type Given = Pick<
    ApplianceInputs,
    "arguments" | "targets" | "overlay" | "files" | "dockerfile" | "userData" | "edgeAppliance" | "exactTag"
>;

const OVERLAY = "overlay/files";

export const DEFAULT_TARGETS: readonly string[] = ["build-all-images"];

/** A plan, and what a program and a cluster profile are told of its images. */
export interface Planned {
    plan: BuildPlan;
    systemUri: string;
    profileValues: string;
    /** Images that the build pulls. */
    pulledImages: string[];
    /** Digests of the firmware, by file name. */
    firmware: Record<string, string>;
}

interface Surroundings {
    projectDir: string;
    settings: Pick<CanvosSettings, "luet" | "ubuntuProKey">;
    cache: ResultCache;
    generation: number;
    /** With its digest; none for CanvOS's own. */
    base: { reference: string; plan?: BasePlan };
}

/** What a build of these inputs is, and what it will be called: the same in a preview and in the update after it. */
export async function planBuild(given: Given, known: KnownCheckout, around: Surroundings): Promise<Planned> {
    const { projectDir, settings, cache, generation, base } = around;
    const targets = given.targets ?? DEFAULT_TARGETS;
    const asked = effectiveVariables(withBase(given.arguments, base.reference), known.checkout);
    const osVersion = defaultOf(known.checkout.earthfile, "OS_VERSION", asked);
    const payload = appliancePayload(given.edgeAppliance, known.checkout, osVersion, projectDir);
    const firmware = await firmwareDigests(given.edgeAppliance, projectDir, cache);
    const before = { ...asked, ...payload.variables };
    const placements = [...placementsOf(given, projectDir), ...payload.placements];
    assertThere(placements);
    // The user's own instructions come last: they may be about what the appliance has brought.
    const texts = [...payload.texts, ...textsOf(given, projectDir)];
    const hash = await inputHash(
        {
            commit: known.identity,
            variables: before,
            targets,
            texts: {
                ...byPlace(texts),
                ...(generation === 0 ? {} : { generation: String(generation) }),
            },
            files: Object.fromEntries(placements.map(({ from, to }) => [to, from])),
            digests: payload.digests,
        },
        cache,
    );
    const isExact = given.exactTag === true;
    const variables = isExact
        ? before
        : { ...before, CUSTOM_TAG: distinctTag(before.CUSTOM_TAG ?? "", hash) };
    const value = (name: string): string => defaultOf(known.checkout.earthfile, name, variables);
    const names = namesOf(value, known);
    const references = Object.values(names.providers);
    const systemUri = references.length === 1 ? (references[0] ?? "") : "";
    const makes = makesOf(targets);
    const { images, base: ownBase } = imagesOf(
        known.checkout.earthfile.recipes,
        targets.map((target) => SCRIPT_TARGETS[target] ?? target),
        variables,
    );
    return {
        plan: {
            ...{ inputHash: hash, known, variables, targets, placements, names, makes },
            texts: [...texts, ...luetText(settings)],
            isoName: value("ISO_NAME"),
            environment: settings.ubuntuProKey === undefined ? {} : { UBUNTU_PRO_KEY: settings.ubuntuProKey },
            exactTag: isExact,
            ...(base.plan ? { base: base.plan } : {}),
            ...(base.reference === "" && ownBase !== "" ? { ownBase } : {}),
            downloads: payload.downloads,
        },
        systemUri,
        pulledImages: [...new Set([...images, ...scriptImages(known.checkout.script, variables)])].sort(),
        firmware,
        profileValues: profileValues({
            registry: value("IMAGE_REGISTRY"),
            repo: value("IMAGE_REPO"),
            k8sDistribution: value("K8S_DISTRIBUTION"),
            osName: value("OS_DISTRIBUTION"),
            osVersion: value("OS_VERSION"),
            peVersion: value("PE_VERSION"),
            customTag: value("CUSTOM_TAG"),
            ...(systemUri === "" ? {} : { systemUri }),
        }),
    };
}

/** What `earthly.sh` makes targets of its own from. */
const SCRIPT_TARGETS: Readonly<Record<string, string>> = { "maas-image": "kairos-raw-image" };

function namesOf(value: (name: string) => string, { checkout }: KnownCheckout): ImageNames {
    const distribution = value("K8S_DISTRIBUTION");
    const one = value("K8S_VERSION");
    const all = checkout.versions
        ? (checkout.versions[distribution] ?? [])
        : checkout.earthfile.writtenVersions;
    return imageNames({
        registry: value("IMAGE_REGISTRY"),
        repo: value("IMAGE_REPO"),
        k8sDistribution: distribution,
        k8sVersions: one === "" ? all : [one],
        peVersion: value("PE_VERSION"),
        customTag: value("CUSTOM_TAG"),
        isoName: value("ISO_NAME"),
    });
}

const PROVIDER_TARGETS = [
    "build-all-images",
    "build-provider-images",
    "build-provider-images-fips",
    "provider-image",
];
const INSTALLER_TARGETS = ["build-all-images", "iso-image"];
const ISO_TARGETS = ["build-all-images", "iso", "build-uki-iso", "uki-iso"];

function makesOf(targets: readonly string[]): BuildPlan["makes"] {
    const any = (list: readonly string[]): boolean => targets.some((target) => list.includes(target));
    return {
        providerImages: any(PROVIDER_TARGETS),
        installer: any(INSTALLER_TARGETS),
        iso: any(ISO_TARGETS),
    };
}

/** What publishing an ISO hangs on, without a look at the files of the build. */
export function publishable(
    { targets, userData }: Given,
    projectDir: string,
): Pick<BuildPlan, "makes" | "texts"> {
    const text = userDataText(userData, projectDir);
    return {
        makes: makesOf(targets ?? DEFAULT_TARGETS),
        texts: text === undefined ? [] : [{ to: "user-data", text }],
    };
}

/** The arguments with the base image by its name. */
export function withBase(given: Given["arguments"], reference: string): Given["arguments"] {
    return reference === "" ? given : { ...given, baseImage: reference };
}

export function placementsOf({ overlay, files = {} }: Given, projectDir: string): Placement[] {
    return [
        // CanvOS puts all of it into the installer, and of it `etc` into the provider image.
        ...(overlay === undefined ? [] : [{ from: path.resolve(projectDir, overlay), to: OVERLAY }]),
        ...Object.entries(files).map(([to, from]) => ({ from: path.resolve(projectDir, from), to })),
    ];
}

function textsOf({ userData, dockerfile }: Given, projectDir: string): PlacedText[] {
    const texts: PlacedText[] = [];
    const text = userDataText(userData, projectDir);
    if (text !== undefined) texts.push({ to: "user-data", text, mode: 0o600 });
    if (dockerfile !== undefined) {
        texts.push({
            to: "Dockerfile",
            text: readHere(dockerfile, projectDir, "dockerfile"),
            isAddition: true,
        });
    }
    return texts;
}

/** Told by the name that the program has for it. */
function assertThere(placements: readonly Placement[]): void {
    for (const { from, to } of placements) {
        if (fs.existsSync(from)) continue;
        const input =
            to === OVERLAY ? "overlay" : to.startsWith(`${PAYLOAD}/`) ? "edgeAppliance" : `files["${to}"]`;
        throw new UnavailableHere(`${input}: there is no ${from}`);
    }
}

/** Several may be put behind the same file. */
function byPlace(texts: readonly PlacedText[]): Record<string, string> {
    const places: Record<string, string> = {};
    for (const { to, text } of texts) places[to] = (places[to] ?? "") + text;
    return places;
}

/** A login, which is none of the inputs: another password builds the same. */
function luetText({ luet }: Surroundings["settings"]): PlacedText[] {
    if (!luet) return [];
    const lines = [
        "auth:",
        `  username: ${JSON.stringify(luet.username)}`,
        `  password: ${JSON.stringify(luet.password)}`,
    ];
    return [{ to: LUET_LOGIN, text: `${lines.join("\n")}\n`, mode: 0o600 }];
}

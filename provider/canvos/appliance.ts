import * as fs from "node:fs";
import * as path from "node:path";
import type { ResultCache } from "../image/cache";
import { fileNameOf, isRemote } from "../image/source/location";
import { EdgeError } from "../resource/errors";
import type { CheckedEdgeAppliance } from "./applianceImage.schema";
import type { Download, PlacedText, Placement } from "./build.plan";
import { contentDigest } from "./inputHash";
import { readHere } from "./localText";
import type { Checkout } from "./rules";
import { applianceCompiler, appliancePackages, firmwarePath, NODEPREP } from "./verify.expected";

/** Folder of the firmware in the checkout; not one of CanvOS's own. */
export const PAYLOAD = "edge-appliance";

export interface AppliancePayload {
    placements: Placement[];
    texts: PlacedText[];
    variables: Record<string, string>;
    /** Of what is not here yet. */
    digests: Record<string, string>;
    /** What has to be fetched before the build, and where to. */
    downloads: Download[];
}

/** File names of firmware, which say what it is made for. */
export function firmwareNames({ doca, bfb }: CheckedEdgeAppliance): { doca?: string; bfb?: string } {
    return {
        ...(doca ? { doca: fileNameOf(doca.source) } : {}),
        ...(bfb ? { bfb: fileNameOf(bfb.source) } : {}),
    };
}

/** What the appliance adds to a checkout: its firmware, its script, and the instructions that put them into the image. */
export function appliancePayload(
    given: CheckedEdgeAppliance | undefined,
    checkout: Checkout,
    osVersion: string,
    projectDir: string,
): AppliancePayload {
    const payload: AppliancePayload = {
        placements: [],
        texts: [],
        variables: {},
        digests: {},
        downloads: [],
    };
    if (!given) return payload;
    for (const part of [given.doca, given.bfb]) {
        if (!part) continue;
        const to = `${PAYLOAD}/${fileNameOf(part.source)}`;
        if (isRemote(part.source)) {
            payload.digests[to] = part.sha256 ?? "";
            payload.downloads.push({ source: part.source, sha256: part.sha256 ?? "", to });
        } else {
            payload.placements.push({ from: path.resolve(projectDir, part.source), to });
        }
    }
    const isWrappers = isOfWrapper(given, checkout);
    if (given.nodeprep !== undefined) {
        const text = readHere(given.nodeprep, projectDir, "edgeAppliance.nodeprep");
        const to = isWrappers ? `overlay/files${NODEPREP}` : `${PAYLOAD}/nodeprep.sh`;
        payload.texts.push({ to, text, mode: 0o755 });
    }
    const instructions =
        given.dockerfile !== undefined
            ? readHere(given.dockerfile, projectDir, "edgeAppliance.dockerfile")
            : isWrappers
              ? more(given)
              : builtIn(given, osVersion);
    if (instructions !== "") payload.texts.push({ to: "Dockerfile", text: instructions, isAddition: true });
    if (isWrappers) {
        payload.variables = wrapperVariables(given);
        // Its Dockerfile copies this file in the place of firmware that there is none of.
        payload.texts.push({ to: ".empty-placeholder", text: "" });
    }
    return payload;
}

/**
 * Names of the firmware with their digests. That of this machine must be what its digest says; that of an address is held
 * to it when it is fetched.
 */
export async function firmwareDigests(
    given: CheckedEdgeAppliance | undefined,
    projectDir: string,
    cache: ResultCache,
): Promise<Record<string, string>> {
    const digests: Record<string, string> = {};
    for (const [field, part] of Object.entries({ doca: given?.doca, bfb: given?.bfb })) {
        if (!part) continue;
        const { source, sha256 } = part;
        const file = path.resolve(projectDir, source);
        // What is not here is told with all else that is missing.
        if (!isRemote(source) && !fs.existsSync(file)) continue;
        const digest = isRemote(source) ? (sha256 ?? "") : await contentDigest(file, cache);
        digests[fileNameOf(source)] = digest;
        if (sha256 === undefined || digest === sha256) continue;
        throw new EdgeError(
            `edgeAppliance.${field}: ${source} has the SHA-256 ${digest}, and ${sha256} is asked for: it is not the ` +
                "file that was meant, or was changed",
        );
    }
    return digests;
}

/** A checkout that has the wrapper's own files laid over it knows what to do with the firmware. */
function isOfWrapper({ dockerfile }: CheckedEdgeAppliance, { earthfile }: Checkout): boolean {
    return dockerfile === undefined && earthfile.declared.has("EDGE_APPLIANCE");
}

function wrapperVariables(given: CheckedEdgeAppliance): Record<string, string> {
    const { doca, bfb } = firmwareNames(given);
    return {
        EDGE_APPLIANCE: "true",
        ...(doca === undefined ? {} : { DOCA_DEB_PATH: `${PAYLOAD}/${doca}` }),
        ...(bfb === undefined ? {} : { BFB_PATH: `${PAYLOAD}/${bfb}`, BFB_FILENAME: bfb }),
    };
}

/** Packages that the wrapper's Dockerfile does not know. */
function more({ packages = [] }: CheckedEdgeAppliance): string {
    return packages.length === 0 ? "" : ["", install(packages), ""].join("\n");
}

/**
 * What the wrapper's Dockerfile adds. Each step fails the build: a chain that ends in `|| true` would hide that DOCA is
 * not installed. Files go straight to their places: one that is moved by a later step is in the image twice.
 */
function builtIn(given: CheckedEdgeAppliance, osVersion: string): string {
    const { doca, bfb } = firmwareNames(given);
    const lines = [
        "",
        install([...compilerPackages(osVersion), ...appliancePackages(false, given.packages)]),
    ];
    if (doca !== undefined) {
        const file = `/tmp/${doca}`;
        // The base image's kernel stays: DOCA's modules are built for it, and CanvOS upgrades what is not held.
        const hold =
            "for package in $(dpkg-query -W -f '${db:Status-Status} ${Package}\\n' 'linux-image-*' 'linux-headers-*' " +
            "'linux-modules-*' 'linux-generic*' 2>/dev/null | sed -n 's/^installed //p'); do apt-mark hold $package || exit 1; done";
        lines.push(
            `COPY ${PAYLOAD}/${doca} ${file}`,
            `RUN dpkg -i ${file} && rm ${file} && ${APT} doca-all && ${hold} && ${CLEAN}`,
        );
    }
    if (bfb !== undefined) lines.push(`COPY ${PAYLOAD}/${bfb} ${firmwarePath(bfb)}`);
    if (given.nodeprep !== undefined) lines.push(`COPY ${PAYLOAD}/nodeprep.sh ${NODEPREP}`);
    return [...lines, ""].join("\n");
}

const APT = "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y";
const CLEAN = "rm -rf /var/lib/apt/lists/*";

function install(packages: readonly string[]): string {
    return `RUN ${APT} --no-install-recommends ${packages.join(" ")} && ${CLEAN}`;
}

function compilerPackages(osVersion: string): string[] {
    const compiler = applianceCompiler(osVersion);
    return [compiler, `lib${compiler}-dev`];
}

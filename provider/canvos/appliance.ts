import * as path from "node:path";
import { fileNameOf, isRemote } from "../image/source/location";
import type { CheckedEdgeAppliance } from "./applianceImage.schema";
import type { Download, PlacedText, Placement } from "./build.plan";
import { readHere } from "./localText";
import type { Checkout } from "./rules";

/** Folder of the firmware in the checkout; not one of CanvOS's own. */
const FOLDER = "edge-appliance";

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
        const to = `${FOLDER}/${fileNameOf(part.source)}`;
        if (isRemote(part.source)) {
            payload.digests[to] = part.sha256 ?? "";
            payload.downloads.push({ source: part.source, sha256: part.sha256 ?? "", to });
        } else {
            payload.placements.push({ from: path.resolve(projectDir, part.source), to });
        }
    }
    if (given.nodeprep !== undefined) {
        const text = readHere(given.nodeprep, projectDir, "edgeAppliance.nodeprep");
        payload.texts.push({ to: `${FOLDER}/nodeprep.sh`, text, mode: 0o755 });
    }
    const names = firmwareNames(given);
    if (checkout.earthfile.declared.has("EDGE_APPLIANCE")) {
        // A checkout that has the wrapper's own files laid over it knows what to do with the firmware.
        payload.variables = {
            EDGE_APPLIANCE: "true",
            ...(names.doca === undefined ? {} : { DOCA_DEB_PATH: `${FOLDER}/${names.doca}` }),
            ...(names.bfb === undefined
                ? {}
                : { BFB_PATH: `${FOLDER}/${names.bfb}`, BFB_FILENAME: names.bfb }),
        };
        return payload;
    }
    const text =
        given.dockerfile === undefined
            ? additions(given)
            : readHere(given.dockerfile, projectDir, "edgeAppliance.dockerfile");
    payload.texts.push({ to: "Dockerfile", text, isAddition: true });
    return payload;
}

/** Of the appliance, whatever firmware it has. */
const PACKAGES = ["lldpd", "netplan.io", "pv", "psmisc", "nfs-common", "grepcidr"];

/** Each step fails the build: a chain that ends in `|| true` would hide that DOCA is not installed. */
function additions(given: CheckedEdgeAppliance): string {
    const { doca, bfb } = firmwareNames(given);
    const packages = [...PACKAGES, ...(given.packages ?? [])].join(" ");
    const lines = [
        "",
        "ARG OS_VERSION",
        `COPY ${FOLDER}/ /tmp/${FOLDER}/`,
        'RUN compiler=$(case "$OS_VERSION" in 24*) echo 14 ;; *) echo 12 ;; esac) && apt-get update && ' +
            `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc-$compiler libgcc-$compiler-dev ${packages}`,
    ];
    if (doca !== undefined) {
        lines.push(
            `RUN dpkg -i /tmp/${FOLDER}/${doca} && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y doca-all && ` +
                "for package in $(dpkg-query -W -f '${Package}\\n' 'linux-image-*' 'linux-headers-*' 2>/dev/null); do apt-mark hold $package; done",
        );
    }
    if (bfb !== undefined) {
        const folder = "/opt/spectrocloud/spcx/bfb";
        lines.push(`RUN mkdir -p ${folder} && mv /tmp/${FOLDER}/${bfb} ${folder}/${bfb}`);
    }
    if (given.nodeprep !== undefined) {
        lines.push(
            `RUN mkdir -p /opt/spectrocloud && mv /tmp/${FOLDER}/nodeprep.sh /opt/spectrocloud/nodeprep.sh && chmod 755 /opt/spectrocloud/nodeprep.sh`,
        );
    }
    return [...lines, `RUN rm -rf /tmp/${FOLDER} /var/lib/apt/lists/*`, ""].join("\n");
}

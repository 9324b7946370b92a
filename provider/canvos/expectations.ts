import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import type { ApplianceInputs } from "./applianceImage.schema";
import { firmwareNames } from "./appliance";
import type { BuildPlan } from "./build.plan";
import { defaultOf } from "./earthfile";
import type { CanvosSettings } from "./settings";
import {
    appliancePackages,
    expectedFile,
    expectedFiles,
    expectedText,
    firmwareFile,
    NODEPREP,
} from "./verify.expected";
import type { Secret } from "./verify.secretSearch";
import type { BuildExpectations, ExpectedAppliance, ExpectedFile } from "./verify.types";

type Given = Pick<ApplianceInputs, "overlay" | "edgeAppliance" | "verify">;

/** What the results of a build are held to: everything that was given to it. */
export async function expectationsOf(
    plan: BuildPlan,
    given: Given,
    settings: CanvosSettings,
    projectDir: string,
): Promise<BuildExpectations> {
    const value = (name: string): string => defaultOf(plan.known.checkout.earthfile, name, plan.variables);
    const overlay = given.overlay === undefined ? undefined : path.resolve(projectDir, given.overlay);
    const etc = overlay === undefined ? undefined : path.join(overlay, "etc");
    const userData = plan.texts.find(({ to }) => to === "user-data")?.text;
    const appliance =
        given.edgeAppliance && (await applianceOf(plan, given.edgeAppliance, value("OS_VERSION")));
    // Later versions leave it to the base image's systemd, unless they are told.
    const asks = plan.known.checkout.earthfile.declared.has("BUNDLE_K8S_AND_AGENT_PROVIDER");
    const isBundled = !asks || value("BUNDLE_K8S_AND_AGENT_PROVIDER") === "true";
    return {
        architecture: value("ARCH") === "arm64" ? "arm64" : "amd64",
        isUki: value("IS_UKI") === "true",
        kubernetes: { distribution: value("K8S_DISTRIBUTION"), ...(isBundled ? { isBundled } : {}) },
        providerFiles: etc !== undefined && fs.existsSync(etc) ? await expectedFiles(etc, "/etc") : [],
        installerFiles: overlay === undefined ? [] : await expectedFiles(overlay),
        isoFiles: await isoFiles(plan, value),
        ...(appliance ? { appliance } : {}),
        ...(userData === undefined ? {} : { userData }),
        secrets: [
            ...userDataSecrets(plan),
            ...settings.secrets.map((secret) => ({ name: "settings", value: secret })),
        ],
        verify: given.verify === false ? {} : (given.verify ?? {}),
    };
}

async function applianceOf(
    { placements, texts }: BuildPlan,
    given: NonNullable<ApplianceInputs["edgeAppliance"]>,
    osVersion: string,
): Promise<ExpectedAppliance> {
    const { bfb } = firmwareNames(given);
    const placed = placements.find(({ to }) => bfb !== undefined && to.endsWith(`/${bfb}`));
    const sha256 = placed ? (await expectedFile(placed.from, "/")).sha256 : given.bfb?.sha256;
    const isOwn = given.dockerfile !== undefined;
    const nodeprep = texts.find(({ to }) => to.endsWith("/nodeprep.sh"))?.text;
    return {
        osVersion,
        // A Dockerfile of the user's own decides about packages itself.
        packages: isOwn
            ? (given.packages ?? [])
            : appliancePackages(given.doca !== undefined, given.packages),
        firmware: bfb !== undefined && sha256 !== undefined ? [firmwareFile(bfb, sha256)] : [],
        ...(nodeprep === undefined ? {} : { nodeprep: expectedText(nodeprep, NODEPREP) }),
    };
}

const CONTENT = "/opt/spectrocloud/content";

/** Where CanvOS puts what it finds beside its Earthfile. */
async function isoFiles(
    { placements, makes }: BuildPlan,
    value: (name: string) => string,
): Promise<ExpectedFile[]> {
    if (!makes.iso) return [];
    const found: ExpectedFile[] = [];
    for (const { from, to } of placements) {
        if (/^content-[^/]+$/.test(to) && fs.statSync(from).isDirectory()) {
            for (const name of fs
                .readdirSync(from)
                .filter((each) => each.endsWith(".zst"))
                .sort()) {
                found.push(await expectedFile(path.join(from, name), `${CONTENT}/${name}`));
            }
        } else if (to === value("CLUSTERCONFIG")) {
            found.push(await expectedFile(from, "/opt/spectrocloud/clusterconfig/spc.tgz"));
        } else if (to === value("EDGE_CUSTOM_CONFIG")) {
            found.push(await expectedFile(from, "/.edge_custom_config.yaml"));
        }
    }
    return found;
}

const SECRET_KEYS = /token|password|secret/i;

/** Values of user-data that must be in its file, and nowhere else. */
export function userDataSecrets({ texts }: Pick<BuildPlan, "texts">): Secret[] {
    const text = texts.find(({ to }) => to === "user-data")?.text;
    return text === undefined ? [] : secretsOf(parse(text, { version: "1.1" }));
}

function secretsOf(data: unknown, at = "userData"): Secret[] {
    if (typeof data !== "object" || data === null) return [];
    return Object.entries(data).flatMap(([key, value]: [string, unknown]) => {
        const name = `${at}.${key}`;
        if (typeof value === "string" && SECRET_KEYS.test(key)) return [{ name, value }];
        return secretsOf(value, name);
    });
}

import type { PalettePlan } from "./palettePlan";
import { safeName } from "./names";
import type { NamedPlan } from "./plan";
import { heading, KEPT, record, type Files } from "./program";
import { code, literal, type Code } from "./typescript";

/** The text of index.ts, and the values and manifests it reads. */
export function palettePrograms(plan: PalettePlan): Files {
    const files: Files = new Map();
    const { tokens, hosts, profiles, clusters, secrets } = plan;
    const made = (kind: string, { name, args }: NamedPlan): string =>
        `new palette.${kind}(${literal(name)}, ${literal(args)}, kept);`;
    const content = [
        KEPT,
        ...tokens.map((token) => made("RegistrationToken", token)),
        ...listed("hosts", hosts, "palette.EdgeHost", ({ args }) => args),
        ...listed("profiles", profiles, "palette.ClusterProfile", (profile) => withFiles(profile, files)),
        ...clusters.map((cluster) => made("EdgeCluster", cluster)),
    ];
    const imports = [
        ...(files.size > 0 ? ['import * as fs from "node:fs";'] : []),
        ...(secrets.length > 0 ? ['import * as pulumi from "@pulumi/pulumi";'] : []),
        'import { palette } from "pulumi-edge-os";',
    ];
    const head = [...heading(about(plan), plan.left), ...imports].join("\n");
    const config = secrets.length > 0 ? ["const config = new pulumi.Config();"] : [];
    files.set("index.ts", `${[head, ...config, ...content].join("\n\n")}\n`);
    return files;
}

function about({ project, endpoint, secrets }: PalettePlan): string[] {
    const also = secrets.length > 0 ? ", and the values that Palette shows to nobody" : "";
    return [
        `What is in Palette project ${JSON.stringify(project)} at ${endpoint}, written by edge-os palette generate.`,
        `Everything here is there already: the first up takes it over and writes nothing but its claims${also}.`,
    ];
}

function listed(
    variable: string,
    resources: readonly NamedPlan[],
    type: string,
    inputs: (resource: NamedPlan) => object,
): string[] {
    if (resources.length === 0) return [];
    return [record(variable, resources, type, (_args, resource) => inputs(resource))];
}

interface Pack {
    readonly name: string;
    readonly values?: string;
    readonly manifests?: readonly { readonly name: string; readonly content: string }[];
}

/** Values of packs are long, and are YAML: they stand in files of their own. */
function withFiles({ name, args }: NamedPlan, files: Files): object {
    const write = (words: readonly string[], content: string): Code => {
        const wish = `profiles/${safeName(name)}/${words.map(safeName).join(".")}`;
        const isTaken = files.has(`${wish}.yaml`);
        const file = `${isTaken ? `${wish}-${files.size}` : wish}.yaml`;
        files.set(file, `${content}\n`);
        return code(`fs.readFileSync(${JSON.stringify(file)}, "utf8")`);
    };
    const packs = (args.packs as readonly Pack[]).map((pack) => ({
        ...pack,
        ...(pack.values === undefined ? {} : { values: write([pack.name], pack.values) }),
        ...(pack.manifests === undefined
            ? {}
            : {
                  manifests: pack.manifests.map((manifest) => ({
                      ...manifest,
                      content: write([pack.name, manifest.name], manifest.content),
                  })),
              }),
    }));
    return { ...args, packs };
}

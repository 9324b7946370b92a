import * as path from "node:path";
import * as yaml from "yaml";
import { parseWords, type Command } from "./command";
import { hasPackage, packageJson, writeNew } from "./generate/folder";
import { safeName } from "./generate/names";
import { planPaletteProgram, type PalettePlan } from "./generate/palettePlan";
import { leftOut } from "./generate/plan";
import { palettePrograms } from "./generate/paletteProgram";
import type { Files } from "./generate/program";
import { PALETTE_CONNECTION_HELP, PALETTE_OPTIONS, withPalette } from "./paletteConnection";
import { count } from "./table";

const HELP = `usage: edge-os palette generate [--dir DIR] [--project NAME] [--config FILE] [--connection NAME]

Reads a project of Palette and writes a TypeScript program that takes over what is there: edge hosts, cluster profiles,
edge clusters, and the tenant's registration tokens, with adopt: true. Its first up writes nothing to Palette but claims,
and the values of sensitive variables, which are asked for as secrets of the configuration. What a stack manages already,
and what cannot be taken over without a change, is left out and listed with the reason.

  --dir DIR           folder of the program; default: the project's name. Existing files are never overwritten
${PALETTE_CONNECTION_HELP}`;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const { flags } = parseWords(words, { dir: { type: "string" }, ...PALETTE_OPTIONS } as const, []);
        const plan = await withPalette(flags, terminal, (client, host) =>
            planPaletteProgram(client, flags, host.now()),
        );
        const name = safeName(plan.project) || "palette";
        const dir = flags.dir ?? name;
        const folder = path.resolve(terminal.cwd, dir);
        const files: Files = new Map();
        const about = `Taken over from Palette project ${plan.project}`;
        files.set("Pulumi.yaml", yaml.stringify({ name, runtime: "nodejs", description: about }));
        if (!hasPackage(folder)) files.set("package.json", packageJson(name.toLowerCase()));
        for (const [file, content] of palettePrograms(plan)) files.set(file, content);
        writeNew(folder, files, dir);
        terminal.out(`${report(plan, dir, [...files.keys()])}\n`);
        return 0;
    },
};

function report(
    { project, endpoint, tokens, hosts, profiles, clusters, secrets, left }: PalettePlan,
    dir: string,
    files: string[],
): string {
    const taken = [
        count(hosts.length, "edge host"),
        count(profiles.length, "cluster profile"),
        count(clusters.length, "cluster"),
        count(tokens.length, "registration token"),
    ];
    return [
        `${dir}: ${files.join(", ")}`,
        `  takes over from project ${project}: ${taken.join(", ")}`,
        ...leftOut(left),
        "",
        "next:",
        `  cd ${dir} && npm install && pulumi stack init prod`,
        `  pulumi config set --path 'edge-os:palette.endpoint' ${endpoint}`,
        `  pulumi config set --path 'edge-os:palette.project' ${JSON.stringify(project)}`,
        ...secrets.map((key) => `  pulumi config set --secret ${key}        # Palette shows it to nobody`),
        "  pulumi up        # with EDGE_OS_PALETTE_API_KEY in the environment; shows creates, each of which is an adoption",
    ].join("\n");
}

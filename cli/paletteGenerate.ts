import * as path from "node:path";
import * as yaml from "yaml";
import { parseWords, type Command } from "./command";
import { hasPackage, packageJson, writeNew } from "./generate/folder";
import { safeName } from "./generate/names";
import { planPaletteProgram, type PalettePlan, type PaletteResource } from "./generate/palettePlan";
import { leftOut } from "./generate/plan";
import { heading, KEPT, type Files } from "./generate/program";
import { literal } from "./generate/typescript";
import { PALETTE_CONNECTION_HELP, PALETTE_OPTIONS, withPalette } from "./paletteConnection";
import { count } from "./table";

const HELP = `usage: edge-os palette generate [--dir DIR] [--project NAME] [--config FILE] [--connection NAME]

Reads a project of Palette and writes a TypeScript program that takes over what is there: edge hosts, and the tenant's
registration tokens, with adopt: true. Its first up writes nothing to Palette but claims. Cluster profiles and clusters
are not written. What a stack manages already, and what cannot be taken over without a change, is left out and listed
with the reason.

  --dir DIR           folder of the program; default: the project's name. Existing files are never overwritten
${PALETTE_CONNECTION_HELP}`;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const { flags } = parseWords(words, { dir: { type: "string" }, ...PALETTE_OPTIONS } as const, []);
        const plan = await withPalette(flags, terminal, (client, host) =>
            planPaletteProgram(client, flags.project ?? client.settings.project, host.now()),
        );
        const name = safeName(plan.project) || "palette";
        const dir = flags.dir ?? name;
        const folder = path.resolve(terminal.cwd, dir);
        const files: Files = new Map();
        const about = `Taken over from Palette project ${plan.project}`;
        files.set("Pulumi.yaml", yaml.stringify({ name, runtime: "nodejs", description: about }));
        if (!hasPackage(folder)) files.set("package.json", packageJson(name.toLowerCase()));
        files.set("index.ts", programText(plan, flags));
        writeNew(folder, files, dir);
        terminal.out(`${report(plan, dir, [...files.keys()])}\n`);
        return 0;
    },
};

function programText(
    plan: PalettePlan,
    { project, connection }: { project?: string | undefined; connection?: string | undefined },
): string {
    const about = [
        `What is in Palette project ${JSON.stringify(plan.project)} at ${plan.endpoint}, written by edge-os palette generate.`,
        "Everything here is there already: the first up takes it over and writes nothing but its claims.",
    ];
    const inTenant = connection === undefined ? {} : { connection };
    const inProject = project === undefined ? inTenant : { ...inTenant, project };
    const made = (kind: string, common: object, { name, args }: PaletteResource): string =>
        `new palette.${kind}(${literal(name)}, ${literal({ ...common, ...args })}, kept);`;
    const parts = [
        [...heading(about, plan.left), 'import { palette } from "pulumi-edge-os";'].join("\n"),
        KEPT,
        ...plan.tokens.map((token) => made("RegistrationToken", inTenant, token)),
        ...plan.hosts.map((host) => made("EdgeHost", inProject, host)),
    ];
    return `${parts.join("\n\n")}\n`;
}

function report(
    { project, endpoint, tokens, hosts, left }: PalettePlan,
    dir: string,
    files: string[],
): string {
    const taken = [count(hosts.length, "edge host"), count(tokens.length, "registration token")];
    return [
        `${dir}: ${files.join(", ")}`,
        `  takes over from project ${project}: ${taken.join(", ")}`,
        ...leftOut(left),
        "",
        "next:",
        `  cd ${dir} && npm install && pulumi stack init prod`,
        `  pulumi config set --path 'edge-os:palette.endpoint' ${endpoint}`,
        `  pulumi config set --path 'edge-os:palette.project' ${JSON.stringify(project)}`,
        "  pulumi up        # with EDGE_OS_PALETTE_API_KEY in the environment; shows creates, each of which is an adoption",
    ].join("\n");
}

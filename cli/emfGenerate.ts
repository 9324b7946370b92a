import * as path from "node:path";
import * as yaml from "yaml";
import { parseWords, type Command, type Terminal } from "./command";
import { CONNECTION_OPTIONS, type ConnectionFlags } from "./connection";
import { CONNECTION_HELP, withEmf } from "./emfConnection";
import { hostsCsv } from "./generate/csv";
import { hasPackage, packageJson, writeNew } from "./generate/folder";
import { readInstallation } from "./generate/installation";
import { safeName } from "./generate/names";
import { leftOut, planProgram, type ProgramPlan } from "./generate/plan";
import { programFiles, type Files } from "./generate/program";
import { count } from "./table";

const HELP = `usage: edge-os emf generate [--dir DIR] [--config FILE] [--connection NAME]

Reads a project of EMF and writes a TypeScript program that takes over what is there: regions, sites, OS profiles and
hosts with adopt: true, hosts in hosts.csv where that can hold them. Its first up writes nothing to EMF but claims.
Local accounts and custom configs are referred to by name. What a stack manages already, and what cannot be taken
over without a change, is left out and listed with the reason.

  --dir DIR           folder of the program; default: the project's name. Existing files are never overwritten

${CONNECTION_HELP}`;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const { flags } = parseWords(words, { dir: { type: "string" }, ...CONNECTION_OPTIONS } as const, []);
        const plan = await withEmf(flags, terminal, async (client) =>
            planProgram(await readInstallation(client), client),
        );
        const { project } = plan.installation;
        const dir = flags.dir ?? (safeName(project) || "emf");
        const files = allFiles(plan, path.resolve(terminal.cwd, dir), flags.connection);
        writeNew(path.resolve(terminal.cwd, dir), files, dir);
        terminal.out(`${report(plan, dir, [...files.keys()])}\n${nextSteps(plan, dir, flags, terminal)}\n`);
        return 0;
    },
};

function allFiles(plan: ProgramPlan, folder: string, connection: string | undefined): Files {
    const { project } = plan.installation;
    const files: Files = new Map();
    files.set(
        "Pulumi.yaml",
        yaml.stringify({
            name: safeName(project) || "emf",
            runtime: "nodejs",
            description: `Taken over from EMF project ${project}`,
        }),
    );
    if (!hasPackage(folder)) files.set("package.json", packageJson(safeName(project).toLowerCase() || "emf"));
    if (plan.csvHosts.length > 0) files.set("hosts.csv", hostsCsv(plan.csvHosts, plan.text));
    for (const [name, content] of programFiles(plan, connection)) files.set(name, content);
    return files;
}

function report({ installation, left, ...plan }: ProgramPlan, dir: string, files: string[]): string {
    const { localAccounts, customConfigs, project } = installation;
    const hosts = plan.csvHosts.length + plan.otherHosts.length;
    const taken = [
        count(plan.regions.length, "region"),
        count(plan.sites.length, "site"),
        count(plan.osProfiles.length, "OS profile"),
        `${count(hosts, "host")} (${plan.csvHosts.length} of them in hosts.csv)`,
    ];
    const named = [
        count(localAccounts.length, "local account"),
        count(customConfigs.length, "custom config"),
    ];
    const lines = [
        `${dir}: ${files.join(", ")}`,
        `  takes over from project ${project}: ${taken.join(", ")}`,
        `  referred to by name: ${named.join(", ")}`,
    ];
    const unmanaged = [...plan.csvHosts, ...plan.otherHosts].filter(({ note }) => note !== undefined);
    if (unmanaged.length > 0)
        lines.push(`  ${count(unmanaged.length, "host")} in part only: see the comments`);
    return [...lines, ...leftOut(left)].join("\n");
}

function nextSteps(
    { installation }: ProgramPlan,
    dir: string,
    flags: ConnectionFlags,
    { env }: Terminal,
): string {
    const { endpoint, project } = installation;
    const username = env.EDGE_OS_EMF_USERNAME;
    const settings =
        flags.config === undefined && flags.connection === undefined
            ? [
                  `  pulumi config set --path 'edge-os:emf.endpoint' ${endpoint}`,
                  `  pulumi config set --path 'edge-os:emf.project' ${project}`,
                  ...(username === undefined
                      ? []
                      : [`  pulumi config set --path 'edge-os:emf.username' ${username}`]),
              ]
            : ["  (the settings of EMF as in the stack they are from)"];
    return [
        "",
        "next:",
        `  cd ${dir} && npm install && pulumi stack init prod`,
        ...settings,
        "  pulumi up        # with EDGE_OS_EMF_PASSWORD in the environment; shows creates, each of which is an adoption",
    ].join("\n");
}

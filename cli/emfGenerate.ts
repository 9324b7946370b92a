import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "yaml";
import { EdgeError, messageOf } from "../provider/resource/errors";
import { parseWords, type Command, type Terminal } from "./command";
import { CONNECTION_OPTIONS, type ConnectionFlags } from "./connection";
import { CONNECTION_HELP, withEmf } from "./emfConnection";
import { hostsCsv } from "./generate/csv";
import { readInstallation } from "./generate/installation";
import { safeName } from "./generate/names";
import { planProgram, type ProgramPlan } from "./generate/plan";
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

/** A program inside an npm package uses that one's dependencies: a second SDK would not see the first's resources. */
function hasPackage(folder: string): boolean {
    for (let here = folder; ; here = path.dirname(here)) {
        if (fs.existsSync(path.join(here, "package.json"))) return true;
        if (path.dirname(here) === here) return false;
    }
}

function packageJson(name: string): string {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- found beside the build and in the sources alike
    const own = require("pulumi-edge-os/package.json") as {
        version: string;
        peerDependencies: Record<string, string>;
    };
    const content = {
        name,
        private: true,
        main: "index.ts",
        dependencies: { ...own.peerDependencies, "pulumi-edge-os": own.version },
        devDependencies: { "@types/node": "^20", typescript: "^5" },
    };
    return `${JSON.stringify(content, undefined, 4)}\n`;
}

/** All or nothing: a second run must not mix two programs, nor undo what was edited since. */
function writeNew(folder: string, files: Files, shown: string): void {
    const present = [...files.keys()].filter((name) => fs.existsSync(path.join(folder, name)));
    if (present.length > 0) {
        throw new EdgeError(
            `${shown} has ${present.join(", ")} already, and nothing was written: give another folder with --dir`,
        );
    }
    try {
        for (const [name, content] of files) {
            fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
            fs.writeFileSync(path.join(folder, name), content, { flag: "wx" });
        }
    } catch (error) {
        throw new EdgeError(`the program cannot be written to ${shown}: ${messageOf(error)}`);
    }
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
    if (left.length > 0)
        lines.push(`  left out: ${left.length}`, ...left.map((one) => `    ${one.what}: ${one.why}`));
    return lines.join("\n");
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

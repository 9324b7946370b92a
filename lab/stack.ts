import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { Document, parse, parseDocument } from "yaml";
import { chooseEngine, type Engine } from "./engineChoice";
import { readDescription, secretsOf, systemsOf, type LabDescription } from "./description";
import { keptSecret, LabFolder, readText, writeAtomically } from "./folder";

/**
 * `npm run up|preview|refresh|destroy [-- examples/NAME] [flags]`: runs an example against the lab. Its state is
 * kept beside the lab, so whatever backend and systems the user has set up for himself stay out of it.
 */

const ROOT = path.resolve(__dirname, "../..");
const QUICKSTART = "examples/quickstart";
const STACK = "lab";
const OPERATIONS = ["up", "preview", "refresh", "destroy"];

async function main(): Promise<number> {
    const [operation = "", ...rest] = process.argv.slice(2);
    if (!OPERATIONS.includes(operation))
        throw new Error(`usage: npm run ${OPERATIONS.join("|")} [-- examples/NAME]`);
    const example = rest[0]?.startsWith("-") === false ? rest[0].replace(/\/+$/, "") : QUICKSTART;
    const flags = rest.filter((word) => word !== rest[0] || word.startsWith("-"));
    const projectDir = projectOf(example);

    const folder = new LabFolder(path.join(ROOT, ".lab"));
    const start = ["start", "--auto-boot", ...systemsFor(projectDir).flatMap((system) => ["--with", system])];
    const started = spawnSync(process.execPath, [path.join(__dirname, "main.js"), ...start], {
        cwd: ROOT,
        stdio: "inherit",
    });
    const lab = readDescription(folder);
    if (started.status !== 0 || !lab) return started.status ?? 1;

    configureStack(path.join(projectDir, `Pulumi.${STACK}.yaml`), lab);
    const engine = await chooseEngine(process.env);
    const state = path.join(folder.path, "state");
    fs.mkdirSync(state, { recursive: true });
    return runEngine(engine, operation, projectDir, state, flags, environment(folder, state));
}

/** The quickstart's project is the root's; every other example has its own. */
function projectOf(example: string): string {
    if (example === QUICKSTART) return ROOT;
    const folder = path.resolve(ROOT, example);
    if (!fs.existsSync(path.join(folder, "Pulumi.yaml"))) {
        const examples = fs
            .readdirSync(path.join(ROOT, "examples"))
            .filter((name) => fs.existsSync(path.join(ROOT, "examples", name, "Pulumi.yaml")));
        const known = [QUICKSTART, ...examples.map((name) => `examples/${name}`)].join(", ");
        throw new Error(`there is no example ${example}; there are: ${known}`);
    }
    return folder;
}

/** What an example needs of the lab beside EMF and the host of images: `systems` in its `lab.yaml`. */
function systemsFor(projectDir: string): string[] {
    const text = readText(path.join(projectDir, "lab.yaml"));
    return text === undefined ? [] : (parse(text) as { systems: string[] }).systems;
}

/** Writes where the lab is into the stack's configuration, and leaves everything else in the file alone. */
function configureStack(file: string, lab: LabDescription): void {
    const text = readText(file);
    const document = text === undefined ? new Document({}) : parseDocument(text);
    document.setIn(["config", "edge-os:emf"], lab.emf);
    for (const system of systemsOf(lab)) document.setIn(["config", `edge-os:${system}`], lab[system]);
    document.setIn(["config", "images"], lab.images);
    if (lab.appliance) document.setIn(["config", "appliance"], lab.appliance);
    document.commentBefore ??= ` Written by "npm run up": where the lab is. Its secrets are in the environment only.`;
    const written = document.toString();
    if (written !== text) writeAtomically(file, written);
}

/** The user's environment without what points at his own backend or systems. */
function environment(folder: LabFolder, state: string): NodeJS.ProcessEnv {
    const foreign =
        /^(PULUMI_(BACKEND_URL|ACCESS_TOKEN|STACK|CONFIG_PASSPHRASE(_FILE)?)|EDGE_OS_(.*_)?(EMF|IMS|PALETTE|CANVOS|IMAGE)_.*)$/;
    const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
    return {
        ...Object.fromEntries(kept),
        ...secretsOf(folder),
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: keptSecret(path.join(folder.path, "passphrase")),
        // The lab's images are small; those that the provider otherwise makes room for are not.
        EDGE_OS_CANVOS_LEAST_DISK_GB: "2",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    };
}

async function runEngine(
    engine: Engine,
    operation: string,
    projectDir: string,
    state: string,
    flags: string[],
    env: NodeJS.ProcessEnv,
): Promise<number> {
    const options = { cwd: projectDir, env: { ...env, ...engine.env } };
    if (engine.kind === "embedded") {
        // The state is under the backend the engine would otherwise refuse to be pointed past.
        delete options.env.PULUMI_BACKEND_URL;
        const words = [operation, "--cwd", projectDir, "--stack", STACK, "--state", state, ...flags];
        return run(process.execPath, [path.join(__dirname, "engine/main.js"), ...words], options);
    }
    const select = ["stack", "select", "--create", STACK, "--non-interactive"];
    const selected = spawnSync(engine.command, select, { ...options, encoding: "utf8" });
    if (selected.status !== 0) throw new Error(`pulumi ${select.join(" ")} failed:\n${selected.stderr}`);
    const yes = operation === "preview" ? [] : ["--yes"];
    return run(engine.command, [operation, "--stack", STACK, ...yes, ...flags], options);
}

/** A terminal's Ctrl-C reaches the engine as well, which then ends in good order; this process waits for it. */
function run(
    command: string,
    words: string[],
    options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<number> {
    process.on("SIGINT", () => undefined);
    return new Promise((resolve, reject) => {
        const child = spawn(command, words, { ...options, stdio: "inherit" });
        child.once("error", reject);
        child.once("close", (code) => resolve(code ?? 1));
    });
}

main().then(
    (code) => (process.exitCode = code),
    (error: unknown) => {
        console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
    },
);

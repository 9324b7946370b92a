// Entry of every npm script: makes the clone ready, then does what was asked.
import * as fs from "node:fs";
import * as path from "node:path";
import { build, installLabTools, installPackages, installTools, root, run } from "./setup.mjs";

const [command = "", ...args] = process.argv.slice(2);
const node = (file, ...more) => run(process.execPath, [path.join(root, file), ...more]);
const bin = (name, ...more) => run(path.join(root, "node_modules/.bin", name), more);

const COMMANDS = {
    build: () => build(),
    up: () => stack("up"),
    preview: () => stack("preview"),
    refresh: () => stack("refresh"),
    destroy: () => stack("destroy"),
    lab: () => lab("start", "--auto-boot", ...args),
    "lab:stop": () => lab("stop", ...args),
    test: () => {
        installTools();
        build();
        bin("tsc", "--noEmit");
        mocha(["unit", "contract", "lifecycle", "faults", "fuzz"]);
    },
    faults: () => {
        installTools();
        build();
        process.env.EDGE_OS_ALL_FAULTS = "1";
        mocha(["faults"]);
    },
    bench: () => {
        build();
        const names = args.length > 0 ? args : benchmarks();
        for (const name of names) node("node_modules/ts-node/dist/bin-transpile.js", `test/bench/${name}.ts`);
    },
    lint: () => {
        build();
        bin("eslint", ".", "--max-warnings", "0");
        bin("prettier", "--check", ".");
    },
};

const chosen = COMMANDS[command];
if (!chosen) {
    console.error(
        `unknown command ${JSON.stringify(command)}; there are: ${Object.keys(COMMANDS).join(", ")}`,
    );
    process.exit(2);
}
installPackages();
await chosen();

/** The tests of these folders, or the files that are named. */
function mocha(folders) {
    const areNamed = args.some((word) => word.endsWith(".test.ts"));
    bin("mocha", ...args, ...(areNamed ? [] : folders.map((folder) => `test/${folder}/**/*.test.ts`)));
}

async function stack(operation) {
    build();
    installLabTools(await systemsOf(args[0] ?? ""));
    node("dist/lab/stack.js", operation, ...args);
}

/** What an example needs of the lab. */
async function systemsOf(example) {
    const file = path.join(root, example, "lab.yaml");
    if (!example.startsWith("examples/") || !fs.existsSync(file)) return [];
    // Not there yet when this file is loaded for the first time.
    const { parse } = await import("yaml");
    return parse(fs.readFileSync(file, "utf8")).systems;
}

function lab(...words) {
    build();
    node("dist/lab/main.js", ...words);
}

function benchmarks() {
    return fs
        .readdirSync(path.join(root, "test/bench"))
        .filter((file) => file.endsWith(".ts"))
        .map((file) => file.slice(0, -".ts".length));
}

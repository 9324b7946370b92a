import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** What runs a program: the Pulumi CLI, or the engine of this package. */
export type Engine =
    { kind: "cli"; command: string; env: NodeJS.ProcessEnv } | { kind: "embedded"; env: NodeJS.ProcessEnv };

/**
 * `pulumi` on PATH; else the CLI the Automation API installs, where EDGE_OS_INSTALL_PULUMI=1 allows it; else the
 * embedded engine, which exists for the first minutes and for tests.
 */
export async function chooseEngine(env: NodeJS.ProcessEnv): Promise<Engine> {
    const onPath = findCommand("pulumi", env.PATH ?? "");
    if (onPath) return { kind: "cli", command: onPath, env: {} };
    if (env.EDGE_OS_INSTALL_PULUMI === "1") return installedCli(env);
    return { kind: "embedded", env: {} };
}

async function installedCli(env: NodeJS.ProcessEnv): Promise<Engine> {
    const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
    const root = path.join(env.PULUMI_HOME ?? path.join(os.homedir(), ".pulumi"), "edge-os-cli");
    const cli = await PulumiCommand.install({ root });
    // Its language host and resource plugin stand beside it and are looked up on PATH.
    const bin = path.join(root, "bin");
    return { kind: "cli", command: cli.command, env: { PATH: `${bin}${path.delimiter}${env.PATH ?? ""}` } };
}

function findCommand(name: string, searchPath: string): string | undefined {
    const files = searchPath
        .split(path.delimiter)
        .filter((folder) => folder !== "")
        .map((folder) => path.join(folder, process.platform === "win32" ? `${name}.exe` : name));
    return files.find((file) => isExecutable(file) && answers(file));
}

function isExecutable(file: string): boolean {
    try {
        fs.accessSync(file, fs.constants.X_OK);
        return fs.statSync(file).isFile();
    } catch {
        return false;
    }
}

/** The npm package named `pulumi` puts a command there that only downloads the CLI. */
function answers(file: string): boolean {
    try {
        execFileSync(file, ["version"], { stdio: "ignore", timeout: 20_000 });
        return true;
    } catch {
        return false;
    }
}

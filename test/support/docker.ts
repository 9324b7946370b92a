import { DockerEngine } from "../../lab/canvos/dockerEngine";
import { needsTool, skipBecause } from "./tools";

/** Without an engine and the means to start one the test is skipped, and in CI it fails. */
export function needsDocker(test: Mocha.Context): void {
    needsTool(test, "docker");
    if (DockerEngine.ofMachine()) return;
    needsTool(test, "dockerd");
    if (process.getuid?.() === 0) return;
    if (process.env.CI) throw new Error("no Docker engine answers here, and only root could start one");
    skipBecause(test, "no Docker engine answers");
}

/** A Docker engine for tests: the machine's own where there is one, else one that is started for them. */
export async function startDocker(test: Mocha.Context): Promise<DockerEngine> {
    needsDocker(test);
    return DockerEngine.ofMachine() ?? DockerEngine.start();
}

import { DockerEngine } from "../../lab/canvos/dockerEngine";
import { needsTool } from "./tools";

/**
 * A Docker engine for tests: the machine's own where there is one, else one that is started for them. Without an engine
 * and the means to start one the test is skipped, and in CI it fails.
 */
export async function startDocker(test: Mocha.Context): Promise<DockerEngine> {
    needsTool(test, "docker");
    const own = DockerEngine.ofMachine();
    if (own) return own;
    needsTool(test, "dockerd");
    if (process.getuid?.() !== 0) {
        if (process.env.CI) throw new Error("no Docker engine answers here, and only root could start one");
        if (test.test) test.test.title += " (skipped: no Docker engine answers)";
        test.skip();
    }
    return DockerEngine.start();
}

import { spawn } from "node:child_process";
import * as path from "node:path";
import type { Lab } from "../../../lab";

const BUILT = path.resolve(__dirname, "../../../dist/cli/main.js");

export interface Outcome {
    code: number | null;
    out: string;
    err: string;
}

/** Runs the built command as its user does. */
export function edgeOs(
    words: readonly string[],
    options: { env?: Readonly<Record<string, string>>; cwd?: string; input?: string } = {},
): Promise<Outcome> {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("EDGE_OS_"));
    const child = spawn(process.execPath, [BUILT, ...words], {
        cwd: options.cwd ?? process.cwd(),
        env: { ...Object.fromEntries(inherited), ...options.env },
        stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.end(options.input ?? "");
    const outcome: Outcome = { code: null, out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (outcome.out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (outcome.err += text));
    return new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code) => resolve({ ...outcome, code }));
    });
}

/** The settings of a lab as environment. */
export function labEnvironment(lab: Lab, connection = ""): Record<string, string> {
    const { endpoint, keycloak, project, username, password, caFile } = lab.emf;
    const prefix = `EDGE_OS_${connection}EMF_`;
    return {
        [`${prefix}ENDPOINT`]: endpoint,
        [`${prefix}KEYCLOAK`]: keycloak,
        [`${prefix}PROJECT`]: project,
        [`${prefix}USERNAME`]: username,
        [`${prefix}PASSWORD`]: password,
        [`${prefix}CA_FILE`]: caFile,
    };
}

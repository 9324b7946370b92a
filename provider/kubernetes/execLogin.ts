import * as childProcess from "node:child_process";
import { z } from "zod";
import { childEnvironment } from "../process/tools";
import { EdgeError } from "../resource/errors";
import type { ExecPlugin, KubernetesLogin } from "./kubeconfig";

const TIME_LIMIT = 30_000;
const MOST_OUTPUT = 1 << 20;

const answer = z.object({
    kind: z.literal("ExecCredential"),
    status: z.object({
        token: z.string().optional(),
        clientCertificateData: z.string().optional(),
        clientKeyData: z.string().optional(),
    }),
});

/** Runs a credential plugin, without a terminal: what would ask somebody something fails. */
export async function execLogin(
    plugin: ExecPlugin,
    env: Readonly<Record<string, string | undefined>>,
    signal?: AbortSignal,
): Promise<KubernetesLogin> {
    const { status } = read(await run(plugin, env, signal), plugin);
    const { token, clientCertificateData: certificate, clientKeyData: key } = status;
    return {
        ...(token === undefined ? {} : { token }),
        ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
    };
}

function read(stdout: string, { command }: ExecPlugin): z.output<typeof answer> {
    try {
        return answer.parse(JSON.parse(stdout));
    } catch {
        // Nothing of it is shown: it may be the credential.
        throw new EdgeError(`the credential plugin ${command} has printed no ExecCredential`);
    }
}

function run(
    { command, args, env: own, apiVersion, cluster }: ExecPlugin,
    env: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal | undefined,
): Promise<string> {
    const spec = {
        interactive: false,
        ...(cluster
            ? {
                  cluster: {
                      server: cluster.server,
                      ...(cluster.ca === undefined
                          ? {}
                          : { "certificate-authority-data": Buffer.from(cluster.ca).toString("base64") }),
                  },
              }
            : {}),
    };
    const info = JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
    const home = env.HOME === undefined ? {} : { HOME: env.HOME };
    return new Promise((resolve, reject) => {
        const child = childProcess.execFile(
            command,
            [...args],
            {
                env: { ...childEnvironment(), ...home, ...own, KUBERNETES_EXEC_INFO: info },
                ...{ timeout: TIME_LIMIT, maxBuffer: MOST_OUTPUT, killSignal: "SIGKILL" },
                ...(signal ? { signal } : {}),
            },
            (error, stdout) => {
                if (!error) resolve(stdout);
                else reject(new EdgeError(`the credential plugin ${command} failed (${fault(error)})`));
            },
        );
        child.stdin?.end();
    });
}

function fault(error: childProcess.ExecFileException): string {
    if (error.code === "ENOENT") return "it is not there";
    if (error.killed === true) return `it has not ended within ${TIME_LIMIT / 1000} s`;
    return `exit code ${error.code ?? "none"}`;
}

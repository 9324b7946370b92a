import { spawn, type ChildProcess } from "node:child_process";
import * as path from "node:path";

type Properties = Record<string, unknown>;

export interface VerbCall {
    kind: string;
    verb: "create" | "read" | "update" | "delete";
    id?: string;
    /** The state's properties. */
    olds?: Properties;
    /** What the program gives. */
    news?: Properties;
}

export interface VerbAnswer {
    result?: { id?: string; outs?: Properties; props?: Properties; inputs?: Properties };
    error?: string;
    id?: string;
    properties?: Properties;
    reasons?: string[];
}

/** Runs verbs in processes of their own, each of which can be killed while it runs. */
export class VerbRunner {
    private running?: ChildProcess;

    constructor(
        private readonly options: {
            config?: Record<string, string>;
            env?: NodeJS.ProcessEnv;
            stack?: string;
        },
    ) {}

    /** Undefined when the process was killed. */
    async run(call: VerbCall): Promise<VerbAnswer | undefined> {
        const { config = {}, env = {}, stack = "prod" } = this.options;
        const urn = `urn:pulumi:${stack}::project::pulumi-nodejs:dynamic/edge-os/test::row`;
        const child = spawn(process.execPath, [path.join(__dirname, "verbChild.js")], {
            cwd: path.resolve(__dirname, "../.."),
            env: { ...process.env, ...env, VERB: JSON.stringify({ ...call, config, urn }) },
            stdio: ["ignore", "pipe", "inherit"],
        });
        this.running = child;
        const chunks: Buffer[] = [];
        child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
        await new Promise((resolve) => child.on("close", resolve));
        this.running = undefined;
        if (child.signalCode !== null) return undefined;
        // Warnings stand above it: without an engine they are printed.
        const [answer = ""] = Buffer.concat(chunks).toString().split("\n").slice(-1);
        return JSON.parse(answer) as VerbAnswer;
    }

    kill(): void {
        this.running?.kill("SIGKILL");
    }
}

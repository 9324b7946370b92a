import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runCommand, type EngineEvent, type Severity, type StepOp } from "../../lab/engine";
import { Crypter } from "../../lab/engine/secrets";

/** What can run a stack in a test. */
export type EngineName = "embedded" | "cli";

/** A stack for a test. */
export interface StackOptions {
    /** A project's folder (with Pulumi.yaml), of which a copy is used; or the text of an `index.js`. */
    program: { dir: string } | { source: string };
    engine?: EngineName;
    /** Added to the environment of program and provider; without PULUMI_* of the tests' own environment. */
    env?: NodeJS.ProcessEnv;
    /** Plain values of the stack's configuration by full key (`namespace:key`); objects are written as such. */
    config?: Record<string, unknown>;
    /** Secret values of the stack's configuration by full key. */
    secrets?: Record<string, string>;
    /** `options.refresh: always` in the Pulumi.yaml of a program given as text. */
    refreshAlways?: boolean;
    /** Default: `dev`. */
    stack?: string;
}

/** An operation that was shown: refresh steps by their own name, providers left out. */
export interface Operation {
    op: StepOp;
    urn: string;
    type: string;
    name: string;
}

/** A message for the user; debug messages are left out. */
export interface Diagnostic {
    severity: Severity;
    urn?: string;
    message: string;
    ephemeral: boolean;
}

/** A row of the state, as stored; secrets are `{ "4dabf…": …, plaintext: "<JSON>" }`. */
export interface StateRow {
    urn: string;
    type: string;
    id?: string;
    custom: boolean;
    inputs?: Record<string, unknown>;
    outputs?: Record<string, unknown>;
    [field: string]: unknown;
}

/** How a command ended. */
export interface CommandResult {
    exitCode: number;
    /** Standard output and error together. */
    stdout: string;
    /** In the order in which they began; without those of a preview before an update (there is none). */
    operations: Operation[];
    /** The numbers of the summary, by operation. */
    changes: Record<string, number>;
    diagnostics: Diagnostic[];
    /** All events, in the CLI's form. */
    events: EngineEvent[];
    /** The stack's outputs after the command, secrets in clear. */
    outputs: Record<string, unknown>;
    /** The rows of the state after the command. */
    resources: StateRow[];
}

/** Options of a single command. */
export interface CommandOptions {
    args?: string[];
    env?: NodeJS.ProcessEnv;
}

type Command = "up" | "preview" | "refresh" | "destroy";

// Inside the clone, so that programs find the SDK and this package in its node_modules.
const SCRATCH = path.join(path.resolve(__dirname, "../.."), ".test");
const PASSPHRASE = "test";

/** The engines a lifecycle test runs on: the embedded one, and the CLI where it is on PATH. */
export function engines(): EngineName[] {
    return cliOnPath() === undefined ? ["embedded"] : ["embedded", "cli"];
}

let cli: string | null | undefined;

/** The Pulumi CLI, if there is one. */
export function cliOnPath(): string | undefined {
    cli ??= ["pulumi"].find(runs) ?? null;
    return cli ?? undefined;
}

function runs(command: string): boolean {
    try {
        execFileSync(command, ["version"], { stdio: "ignore", timeout: 20_000 });
        return true;
    } catch {
        return false;
    }
}

/** A new stack in a folder of its own; use `await using`, or call {@link StackUnderTest.remove}. */
export function stackUnderTest(options: StackOptions): StackUnderTest {
    return new StackUnderTest(options);
}

/** A stack that a test works on. */
export class StackUnderTest implements AsyncDisposable {
    /** The project's folder: a copy, free to be changed. */
    readonly dir: string;
    /** The folder of the state, in the file backend's layout. */
    readonly stateDir: string;
    readonly stack: string;
    /** The engine of the next command; may be changed between commands. */
    engine: EngineName;
    /** Environment of all following commands. */
    env: NodeJS.ProcessEnv;

    private readonly root: string;

    constructor(private readonly options: StackOptions) {
        fs.mkdirSync(SCRATCH, { recursive: true });
        this.root = fs.mkdtempSync(path.join(SCRATCH, "stack-"));
        this.dir = path.join(this.root, "program");
        this.stateDir = path.join(this.root, "state");
        this.stack = options.stack ?? "dev";
        this.engine = options.engine ?? "embedded";
        this.env = options.env ?? {};
        fs.mkdirSync(this.stateDir);
        this.writeProgram();
        this.writeConfig();
    }

    /** Replaces the text of a program given as text. */
    setProgram(source: string): void {
        fs.writeFileSync(path.join(this.dir, "index.js"), source);
    }

    /** Runs `up` without a preview. */
    up(options?: CommandOptions): Promise<CommandResult> {
        return this.run("up", options);
    }

    preview(options?: CommandOptions): Promise<CommandResult> {
        return this.run("preview", options);
    }

    refresh(options?: CommandOptions): Promise<CommandResult> {
        return this.run("refresh", options);
    }

    destroy(options?: CommandOptions): Promise<CommandResult> {
        return this.run("destroy", options);
    }

    /** The deployment as `stack export --show-secrets` shows it; empty when there is none yet. */
    async export(): Promise<{
        resources?: StateRow[];
        pending_operations?: { type: string; resource: StateRow }[];
    }> {
        if (!fs.existsSync(this.checkpointFile)) {
            return {};
        }
        // The embedded engine reads the state of both.
        const args = ["export", "--show-secrets", ...this.placeArguments()];
        const { exitCode, out } = await this.runEmbedded(args, this.environment());
        if (exitCode !== 0) {
            throw new Error(`export failed: ${out}`);
        }
        return (JSON.parse(out) as { deployment: { resources?: StateRow[] } }).deployment;
    }

    /** The state's file. */
    get checkpointFile(): string {
        const project =
            /^name:\s*(\S+)/m.exec(fs.readFileSync(path.join(this.dir, "Pulumi.yaml"), "utf8"))?.[1] ?? "";
        return path.join(this.stateDir, ".pulumi", "stacks", project, `${this.stack}.json`);
    }

    /** The command line of the embedded engine as a process of its own, for tests that kill it. */
    commandLine(
        command: Command,
        more: string[] = [],
    ): { file: string; args: string[]; env: NodeJS.ProcessEnv } {
        const main = path.resolve(__dirname, "../../lab/engine/main.ts");
        const args = [
            "-r",
            require.resolve("ts-node/register/transpile-only"),
            main,
            command,
            ...this.placeArguments(),
        ];
        return {
            file: process.execPath,
            args: [...args, "--skip-preview", ...more],
            env: this.environment(),
        };
    }

    /** Removes all files of the stack. */
    remove(): void {
        fs.rmSync(this.root, { recursive: true, force: true });
    }

    async [Symbol.asyncDispose](): Promise<void> {
        this.remove();
    }

    private writeProgram(): void {
        const { program, refreshAlways } = this.options;
        if ("dir" in program) {
            const skip = new Set(["node_modules", ".pulumi", ".lab", ".git"]);
            fs.cpSync(program.dir, this.dir, {
                recursive: true,
                filter: (file) => !skip.has(path.basename(file)),
            });
            return;
        }
        fs.mkdirSync(this.dir);
        const options = refreshAlways === true ? "options: { refresh: always }\n" : "";
        const project = `name: test\nruntime: { name: nodejs, options: { typescript: false } }\n${options}`;
        fs.writeFileSync(path.join(this.dir, "Pulumi.yaml"), project);
        fs.writeFileSync(path.join(this.dir, "package.json"), `{ "main": "index.js" }\n`);
        this.setProgram(program.source);
    }

    private writeConfig(): void {
        const { config = {}, secrets = {} } = this.options;
        if (Object.keys(config).length + Object.keys(secrets).length > 0) {
            const crypter = Crypter.create(PASSPHRASE);
            const encrypted: Record<string, { secure: string }> = {};
            for (const [key, text] of Object.entries(secrets)) {
                encrypted[key] = { secure: crypter.encrypt(text) };
            }
            const content = {
                encryptionsalt: crypter.salt,
                config: { ...config, ...encrypted },
            };
            // YAML is a superset of JSON.
            fs.writeFileSync(
                path.join(this.dir, `Pulumi.${this.stack}.yaml`),
                JSON.stringify(content, undefined, 2),
            );
        }
    }

    private async run(command: Command, options: CommandOptions = {}): Promise<CommandResult> {
        const events = path.join(this.root, "events.jsonl");
        fs.rmSync(events, { force: true });
        const more = [...(command === "preview" ? [] : ["--skip-preview", "--yes"]), ...(options.args ?? [])];
        const env = { ...this.environment(), ...options.env };
        const { exitCode, out } =
            this.engine === "cli"
                ? await this.runCli(command, [...more, "--event-log", events], env)
                : await this.runEmbedded(
                      [command, ...this.placeArguments(), ...more, "--events", events],
                      env,
                  );
        return { exitCode, stdout: out, ...readEvents(events), ...(await this.state()) };
    }

    private async state(): Promise<Pick<CommandResult, "outputs" | "resources">> {
        const resources = (await this.export()).resources ?? [];
        const stack = resources.find((row) => row.type === "pulumi:pulumi:Stack");
        return { resources, outputs: revealed(stack?.outputs ?? {}) as Record<string, unknown> };
    }

    private placeArguments(): string[] {
        return ["--cwd", this.dir, "--stack", this.stack, "--state", this.stateDir];
    }

    private environment(): NodeJS.ProcessEnv {
        const inherited = Object.fromEntries(
            Object.entries(process.env).filter(
                ([name]) => !name.startsWith("PULUMI_") && !name.startsWith("EDGE_OS_"),
            ),
        );
        return { ...inherited, PULUMI_CONFIG_PASSPHRASE: PASSPHRASE, ...this.env };
    }

    private async runEmbedded(
        args: string[],
        env: NodeJS.ProcessEnv,
    ): Promise<{ exitCode: number; out: string }> {
        let out = "";
        const write = (text: string): void => {
            out += text;
        };
        const exitCode = await runCommand(args, { env, out: write, err: write, reason: "this is a test" });
        return { exitCode, out };
    }

    private async runCli(
        command: Command,
        args: string[],
        env: NodeJS.ProcessEnv,
    ): Promise<{ exitCode: number; out: string }> {
        const cliEnv = {
            ...env,
            PULUMI_BACKEND_URL: `file://${this.stateDir}`,
            PULUMI_SKIP_UPDATE_CHECK: "true",
            // Without it the CLI knows no --event-log.
            PULUMI_DEBUG_COMMANDS: "true",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
            PULUMI_HOME: path.join(os.tmpdir(), "edge-os-test-pulumi-home"),
        };
        if (!fs.existsSync(this.checkpointFile)) {
            await spawned("pulumi", ["stack", "init", this.stack, "--non-interactive"], this.dir, cliEnv);
        }
        const all = [command, "--stack", this.stack, "--non-interactive", ...args];
        return spawned("pulumi", all, this.dir, cliEnv);
    }
}

function spawned(
    file: string,
    args: string[],
    cwd: string,
    env: NodeJS.ProcessEnv,
): Promise<{ exitCode: number; out: string }> {
    return new Promise((resolve, reject) => {
        const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
        let out = "";
        for (const stream of [child.stdout, child.stderr]) {
            stream.setEncoding("utf8").on("data", (text: string) => (out += text));
        }
        child.once("error", reject);
        child.once("close", (code) => resolve({ exitCode: code ?? -1, out }));
    });
}

function readEvents(file: string): Pick<CommandResult, "operations" | "changes" | "diagnostics" | "events"> {
    const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : [];
    const events = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as EngineEvent);
    const operations = events.flatMap(({ resourcePreEvent: event }) =>
        event === undefined || event.metadata.type.startsWith("pulumi:providers:")
            ? []
            : [operationOf(event.metadata)],
    );
    const diagnostics = events.flatMap(({ diagnosticEvent: event }) =>
        event === undefined || event.severity === "debug" ? [] : [diagnosticOf(event)],
    );
    const changes =
        events.find((event) => event.summaryEvent !== undefined)?.summaryEvent?.resourceChanges ?? {};
    return { operations, changes, diagnostics, events };
}

function operationOf(metadata: { op: StepOp; urn: string; type: string }): Operation {
    const { op, urn, type } = metadata;
    return { op, urn, type, name: urn.split("::").slice(3).join("::") };
}

/** The CLI colours messages by markers of its own (`<{%reset%}>`) in its event log. */
function diagnosticOf(event: NonNullable<EngineEvent["diagnosticEvent"]>): Diagnostic {
    const message = event.message.replace(/<\{%[a-z0-9 ]+%\}>/gi, "").trimEnd();
    const urn = event.urn === "" ? undefined : event.urn;
    return { severity: event.severity, urn, message, ephemeral: event.ephemeral ?? false };
}

const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** A stored value with its secrets in clear. */
export function revealed(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(revealed);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const map = value as Record<string, unknown>;
    if (SIGNATURE in map && typeof map.plaintext === "string") {
        return JSON.parse(map.plaintext) as unknown;
    }
    return Object.fromEntries(Object.entries(map).map(([key, item]) => [key, revealed(item)]));
}

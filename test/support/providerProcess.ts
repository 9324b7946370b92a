import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import * as readline from "node:readline";
import * as path from "node:path";
import type * as Grpc from "@grpc/grpc-js";
import type * as EngineMessages from "@pulumi/pulumi/proto/engine_pb";
import type * as ProviderMessages from "@pulumi/pulumi/proto/provider_pb";

const sdkRequire = createRequire(require.resolve("@pulumi/pulumi/package.json"));
const grpc = sdkRequire("@grpc/grpc-js") as typeof Grpc;
const engineServices = sdkRequire("@pulumi/pulumi/proto/engine_grpc_pb") as {
    EngineService: Grpc.ServiceDefinition;
};
const providerMessages = sdkRequire("@pulumi/pulumi/proto/provider_pb") as typeof ProviderMessages;
const providerServices = sdkRequire("@pulumi/pulumi/proto/provider_grpc_pb") as {
    ResourceProviderClient: new (address: string, credentials: Grpc.ChannelCredentials) => RawClient;
};
const statusMessages = sdkRequire("@pulumi/pulumi/proto/status_pb") as {
    Status: { deserializeBinary(bytes: Uint8Array): { getDetailsList(): { getValue_asU8(): Uint8Array }[] } };
};
const { Struct } = sdkRequire("google-protobuf/google/protobuf/struct_pb.js") as {
    Struct: { fromJavaScript(value: object): StructMessage };
};
const { Empty } = sdkRequire("google-protobuf/google/protobuf/empty_pb.js") as { Empty: new () => object };

type Properties = Record<string, unknown>;
interface StructMessage {
    toJavaScript(): Properties;
}
type RawClient = Record<
    string,
    (request: object, done: (error: RawError | null, answer: unknown) => void) => void
> & {
    close(): void;
};
type RawError = Error & { details?: string; metadata?: { get(key: string): Buffer[] } };

export interface LogLine {
    urn: string;
    text: string;
    severity: number;
    ephemeral: boolean;
}

/** What the engine learns from "exists, but not ready". */
export class InitFailure extends Error {
    constructor(
        readonly id: string,
        readonly properties: Properties,
        readonly reasons: string[],
    ) {
        super(reasons.join("\n"));
    }
}

/** The stock dynamic-provider process, driven over gRPC the way the engine drives it. */
export class ProviderProcess {
    readonly log: LogLine[] = [];
    readonly output: string[] = [];
    private readonly waiting = new Set<() => void>();

    private constructor(
        private readonly process: ChildProcess,
        private readonly engine: Grpc.Server,
        private client: RawClient,
    ) {}

    /** @param options.typescript lets the process load the TypeScript sources of a test's own kinds */
    static async start(
        options: { cwd?: string; env?: NodeJS.ProcessEnv; typescript?: boolean } = {},
    ): Promise<ProviderProcess> {
        const engine = new grpc.Server();
        const started: { self?: ProviderProcess } = {};
        engine.addService(engineServices.EngineService, {
            log: (
                call: { request: EngineMessages.LogRequest },
                done: (error: null, answer: object) => void,
            ) => {
                started.self?.remember(call.request);
                done(null, new Empty());
            },
        });
        const port = await new Promise<number>((resolve, reject) => {
            engine.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
                error ? reject(error) : resolve(bound),
            );
        });
        const script = sdkRequire.resolve("@pulumi/pulumi/cmd/dynamic-provider");
        const register = ["--require", require.resolve("ts-node/register/transpile-only")];
        const child = spawn(
            process.execPath,
            [...(options.typescript ? register : []), script, `127.0.0.1:${port}`],
            {
                cwd: options.cwd ?? path.resolve(__dirname, "../.."),
                env: {
                    ...process.env,
                    PULUMI_PROJECT: "project",
                    PULUMI_NODEJS_PROJECT: "project",
                    ...options.env,
                },
                stdio: ["ignore", "pipe", "pipe"],
            },
        );
        const lines = readline.createInterface({ input: child.stdout });
        const [first] = (await Promise.race([
            once(lines, "line"),
            once(child, "exit").then(() => Promise.reject(new Error("the provider process ended at once"))),
        ])) as [string];
        const client = new providerServices.ResourceProviderClient(
            `127.0.0.1:${first.trim()}`,
            grpc.credentials.createInsecure(),
        );
        const self = new ProviderProcess(child, engine, client);
        started.self = self;
        for (const stream of [lines, readline.createInterface({ input: child.stderr })]) {
            stream.on("line", (line: string) => self.output.push(line));
        }
        return self;
    }

    async configure(config: Record<string, string> = {}): Promise<void> {
        const request = new providerMessages.ConfigureRequest();
        request.setArgs(Struct.fromJavaScript(config) as never);
        await this.call("configure", request);
    }

    async check(
        olds: Properties,
        news: Properties,
    ): Promise<{ inputs: Properties; failures: { property: string; reason: string }[] }> {
        const request = new providerMessages.CheckRequest();
        request.setOlds(Struct.fromJavaScript(olds) as never);
        request.setNews(Struct.fromJavaScript(news) as never);
        const answer = (await this.call("check", request)) as ProviderMessages.CheckResponse;
        return {
            inputs: answer.getInputs()?.toJavaScript() as Properties,
            failures: answer
                .getFailuresList()
                .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() })),
        };
    }

    async diff(
        id: string,
        olds: Properties,
        news: Properties,
    ): Promise<{ changes: boolean; replaces: string[] }> {
        const request = new providerMessages.DiffRequest();
        request.setId(id);
        request.setOlds(Struct.fromJavaScript(olds) as never);
        request.setNews(Struct.fromJavaScript(news) as never);
        const answer = (await this.call("diff", request)) as ProviderMessages.DiffResponse;
        const { DIFF_SOME } = providerMessages.DiffResponse.DiffChanges;
        return { changes: answer.getChanges() === DIFF_SOME, replaces: answer.getReplacesList() };
    }

    async create(news: Properties): Promise<{ id: string; outs: Properties }> {
        const request = new providerMessages.CreateRequest();
        request.setProperties(Struct.fromJavaScript(news) as never);
        const answer = (await this.call("create", request)) as ProviderMessages.CreateResponse;
        return { id: answer.getId(), outs: answer.getProperties()?.toJavaScript() as Properties };
    }

    async read(
        id: string,
        props: Properties,
    ): Promise<{ id: string; props: Properties; inputs: Properties }> {
        const request = new providerMessages.ReadRequest();
        request.setId(id);
        request.setProperties(Struct.fromJavaScript(props) as never);
        const answer = (await this.call("read", request)) as ProviderMessages.ReadResponse;
        return {
            id: answer.getId(),
            props: answer.getProperties()?.toJavaScript() as Properties,
            inputs: answer.getInputs()?.toJavaScript() as Properties,
        };
    }

    async update(id: string, olds: Properties, news: Properties): Promise<{ outs: Properties }> {
        const request = new providerMessages.UpdateRequest();
        request.setId(id);
        request.setOlds(Struct.fromJavaScript(olds) as never);
        request.setNews(Struct.fromJavaScript(news) as never);
        const answer = (await this.call("update", request)) as ProviderMessages.UpdateResponse;
        return { outs: answer.getProperties()?.toJavaScript() as Properties };
    }

    async delete(id: string, props: Properties): Promise<void> {
        const request = new providerMessages.DeleteRequest();
        request.setId(id);
        request.setProperties(Struct.fromJavaScript(props) as never);
        await this.call("delete", request);
    }

    async cancel(): Promise<void> {
        await this.call("cancel", new Empty());
    }

    kill(signal: NodeJS.Signals): void {
        this.process.kill(signal);
    }

    /** Resolves once a logged line satisfies the condition. */
    async logged(wanted: (line: LogLine) => boolean): Promise<LogLine> {
        for (;;) {
            const found = this.log.find(wanted);
            if (found) return found;
            await new Promise<void>((resolve) => this.waiting.add(resolve));
        }
    }

    async exited(): Promise<number | null> {
        if (this.process.exitCode === null && this.process.signalCode === null)
            await once(this.process, "exit");
        return this.process.exitCode;
    }

    async [Symbol.asyncDispose](): Promise<void> {
        this.client.close();
        this.engine.forceShutdown();
        this.process.kill("SIGKILL");
        await this.exited();
    }

    private remember(request: EngineMessages.LogRequest): void {
        this.log.push({
            urn: request.getUrn(),
            text: request.getMessage(),
            severity: request.getSeverity(),
            ephemeral: request.getEphemeral(),
        });
        for (const wake of this.waiting) wake();
        this.waiting.clear();
    }

    private call(method: string, request: object): Promise<unknown> {
        return new Promise((resolve, reject) => {
            this.client[method]?.(request, (error, answer) => {
                if (error) reject(initFailure(error) ?? new Error(error.details ?? error.message));
                else resolve(answer);
            });
        });
    }
}

function initFailure(error: RawError): InitFailure | undefined {
    const packed = error.metadata?.get("grpc-status-details-bin")[0];
    if (!packed) return undefined;
    const [detail] = statusMessages.Status.deserializeBinary(new Uint8Array(packed)).getDetailsList();
    if (!detail) return undefined;
    const failed = providerMessages.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
    return new InitFailure(
        failed.getId(),
        failed.getProperties()?.toJavaScript() as Properties,
        failed.getReasonsList(),
    );
}

import type { Server, ServiceError, sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import type { Severity } from "./events";
import { ORGANIZATION, type Operation } from "./operation";
import { unsupported } from "./refusal";
import type { Registrations } from "./registration";
import { fromStruct, GRPC_OPTIONS, toStruct, type Sdk } from "./sdk";
import { fromProgram, mapValues } from "./values";

/** Features that work. */
const FEATURES = [
    "secrets",
    "resourceReferences",
    "outputValues",
    "aliasSpecs",
    "deletedWith",
    "replaceWith",
];
/**
 * Features that are claimed and then refused with the engine's own message: for a missing one the SDK would ask for a
 * newer Pulumi CLI, which is not what is missing.
 */
const REFUSED_FEATURES = [
    "transforms",
    "invokeTransforms",
    "resourceHooks",
    "errorHooks",
    "parameterization",
];
const SEVERITIES: Severity[] = ["debug", "info", "warning", "error"];

type Messages = Sdk["resource"];
type Message<Name extends keyof Messages> = Messages[Name] extends abstract new (...args: never) => infer T
    ? T
    : never;
type Handler = (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => void;

/** The gRPC server that the program and the provider speak to: resource monitor and engine on one port. */
export class Monitor {
    private server: Server | undefined;
    private rootUrn = "";

    constructor(
        private readonly operation: Operation,
        /** What the program asks for; set before the program is started. */
        private readonly program: {
            registrations: () => Registrations;
            /** The program has come to its end, and waits for all that happens after it. */
            ended: () => Promise<void>;
        },
    ) {}

    /** Starts the server; returns its address. */
    async listen(): Promise<string> {
        const { grpc, resourceServices, engineServices } = this.operation.settings.sdk;
        const server = new grpc.Server(GRPC_OPTIONS);
        this.server = server;
        server.addService(resourceServices.ResourceMonitorService, this.monitorHandlers());
        server.addService(engineServices.EngineService, this.engineHandlers());
        const port = await new Promise<number>((resolve, reject) => {
            server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
                if (error === null) {
                    resolve(bound);
                } else {
                    reject(error);
                }
            });
        });
        return `127.0.0.1:${port}`;
    }

    close(): void {
        // Open calls of the program would keep the server, and so the process, alive.
        this.server?.forceShutdown();
    }

    private monitorHandlers(): Record<string, Handler> {
        const { sdk } = this.operation.settings;
        const { resource } = sdk;
        const registrations = (): Registrations => this.program.registrations();
        return {
            supportsFeature: this.unary((request: Message<"SupportsFeatureRequest">) => {
                const response = new resource.SupportsFeatureResponse();
                response.setHassupport([...FEATURES, ...REFUSED_FEATURES].includes(request.getId()));
                return response;
            }),
            getDeploymentInfo: this.unary(() => this.deploymentInfo()),
            registerResource: this.guarded((request: Message<"RegisterResourceRequest">) =>
                registrations().register(request),
            ),
            readResource: this.guarded((request: Message<"ReadResourceRequest">) =>
                registrations().read(request),
            ),
            registerResourceOutputs: this.guarded(
                async (request: Message<"RegisterResourceOutputsRequest">) => {
                    const outputs = mapValues(fromStruct(request.getOutputs()), (value) =>
                        fromProgram(value),
                    );
                    await registrations().registerOutputs(request.getUrn(), outputs);
                    return new sdk.Empty();
                },
            ),
            signalAndWaitForShutdown: this.unary(async () => {
                await this.program.ended();
                return new sdk.Empty();
            }),
            invoke: this.unary((request: Message<"ResourceInvokeRequest">) => this.invoke(request)),
            call: this.refused("Call (a method of a multi-language component)"),
            registerPackage: this.refused("a parameterized package"),
            existsResource: this.refused("a check for an existing resource (ExistsResource)"),
            registerStackTransform: this.refused("pulumi.runtime.registerResourceTransform"),
            registerStackInvokeTransform: this.refused("pulumi.runtime.registerInvokeTransform"),
            registerResourceHook: this.refused("a resource hook"),
            registerErrorHook: this.refused("an error hook"),
        };
    }

    private engineHandlers(): Record<string, Handler> {
        const { sdk } = this.operation.settings;
        const { engine } = sdk;
        type EngineMessage<Name extends keyof Sdk["engine"]> = Sdk["engine"][Name] extends abstract new (
            ...args: never
        ) => infer T
            ? T
            : never;
        return {
            log: this.unary((request: EngineMessage<"LogRequest">) => {
                const severity = SEVERITIES[request.getSeverity()] ?? "info";
                // The SDK sends several debug messages for each resource, whether wanted or not.
                if (severity !== "debug") {
                    const urn = request.getUrn();
                    this.operation.report(
                        severity,
                        request.getMessage(),
                        urn === "" ? undefined : urn,
                        request.getEphemeral(),
                    );
                }
                return new sdk.Empty();
            }),
            getRootResource: this.unary(() => {
                const response = new engine.GetRootResourceResponse();
                response.setUrn(this.rootUrn);
                return response;
            }),
            setRootResource: this.unary((request: EngineMessage<"SetRootResourceRequest">) => {
                this.rootUrn = request.getUrn();
                return new engine.SetRootResourceResponse();
            }),
            startDebugging: this.unary(() => new sdk.Empty()),
            requirePulumiVersion: this.unary(() => new engine.RequirePulumiVersionResponse()),
        };
    }

    private deploymentInfo(): Message<"DeploymentInfo"> {
        const { sdk, project, stack, config, secretKeys } = this.operation.settings;
        const info = new sdk.resource.DeploymentInfo();
        info.setProject(project);
        info.setStack(stack);
        info.setOrganization(ORGANIZATION);
        info.setDryrun(this.operation.dryRun);
        info.setParallel(this.operation.parallel);
        for (const [key, value] of Object.entries(config)) {
            info.getConfigMap().set(key, value);
        }
        info.setConfigsecretkeysList([...secretKeys]);
        type Feature = Parameters<typeof info.addSupportedfeatures>[0];
        const known: Partial<Record<string, Feature>> = sdk.resource.ResourceMonitorFeature as never;
        const claimed = [...FEATURES, ...REFUSED_FEATURES].map((id) => known[enumName(id)]);
        info.setSupportedfeaturesList(claimed.filter((feature) => feature !== undefined));
        return info;
    }

    /** `{ urn }` options and resource references ask for the resource by this function. */
    private invoke(request: Message<"ResourceInvokeRequest">): unknown {
        const { sdk } = this.operation.settings;
        if (request.getTok() !== "pulumi:pulumi:getResource") {
            throw this.refuse(`the function ${request.getTok()}`);
        }
        const { urn } = fromStruct(request.getArgs());
        const row = typeof urn === "string" ? this.operation.current.get(urn) : undefined;
        if (row === undefined) {
            throw new Error(`unknown resource ${JSON.stringify(urn)}`);
        }
        const response = new sdk.provider.InvokeResponse();
        response.setReturn(toStruct(sdk, { urn: row.urn, id: row.id ?? "", state: row.outputs }));
        return response;
    }

    private refused(what: string): Handler {
        return this.unary(() => {
            throw this.refuse(what);
        });
    }

    /** Ends the operation: some versions of the SDK swallow the message of a failed call. */
    private refuse(what: string): Error {
        const error = unsupported(what);
        this.operation.fail(error);
        return error;
    }

    /** @param handle takes the message of its method, which is known by name only */
    private unary(handle: (request: never) => unknown): Handler {
        return (call, callback) => {
            void Promise.resolve()
                .then(() => handle(call.request as never))
                .then(
                    (response) => callback(null, response),
                    (error: unknown) => callback(asServiceError(this.operation.settings.sdk, error)),
                );
        };
    }

    /**
     * A call that ends with the operation. Once that is cancelled, every open and later call is answered with
     * "unavailable", on which the SDK stops quietly; the reason has been reported.
     */
    private guarded(handle: (request: never) => Promise<unknown>): Handler {
        const { operation } = this;
        const { grpc } = operation.settings.sdk;
        const gone = { code: grpc.status.UNAVAILABLE, details: "resource monitor shut down" };
        return (call, callback) => {
            let answered = false;
            const answer = (error: typeof gone | null, response?: unknown): void => {
                if (!answered) {
                    answered = true;
                    removeListener();
                    callback(error, response);
                }
            };
            const removeListener = operation.onCancel(() => answer(gone));
            if (operation.isCancelled) {
                answer(gone);
                return;
            }
            operation
                .track(() => handle(call.request as never))
                .then(
                    (response) => answer(null, response),
                    (error: unknown) => {
                        operation.fail(error);
                        answer(gone);
                    },
                );
        };
    }
}

/** `outputValues` as the protocol's enumeration names it. */
function enumName(feature: string): string {
    return `RESOURCE_MONITOR_FEATURE_${feature.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

function asServiceError(sdk: Sdk, error: unknown): Partial<ServiceError> {
    const details = error instanceof Error ? error.message : String(error);
    return { code: sdk.grpc.status.UNKNOWN, details };
}

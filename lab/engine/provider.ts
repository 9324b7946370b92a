import * as crypto from "node:crypto";
import * as path from "node:path";
import type { ServiceError } from "@grpc/grpc-js";
import { Child, type ChildOptions } from "./child";
import { ignoreChanges } from "./paths";
import type { Diff } from "./planner";
import type { ResourceState } from "./resource";
import { fromStruct, GRPC_OPTIONS, toStruct, type Sdk } from "./sdk";
import { DYNAMIC_PACKAGE, nameOf, PROVIDER_TYPE, typeOf } from "./urn";
import { annotateSecrets, changedKeys, propertiesToProvider, type PropertyMap } from "./values";

/** What {@link ProviderClient} needs to start its process. */
export interface ProviderHost {
    sdk: Sdk;
    /** Address of the engine's gRPC server. */
    address: string;
    project: string;
    child: Omit<ChildOptions, "args" | "onLine">;
    log(severity: "info" | "info#err" | "error", message: string): void;
}

/** A check's answer. */
export interface CheckResult {
    inputs: PropertyMap;
    failures: { property: string; reason: string }[];
}

/** What create, update and read answer. */
export interface CrudResult {
    id: string;
    outputs?: PropertyMap;
    inputs?: PropertyMap;
    /** The object is there, but is not (yet) what it should be: the reasons. */
    initErrors?: string[];
}

type Client = InstanceType<Sdk["providerServices"]["ResourceProviderClient"]>;
type Method = "configure" | "check" | "diff" | "create" | "read" | "update" | "delete";

/** The fields that requests about a resource have in common. */
interface ResourceRequest {
    setUrn(urn: string): unknown;
    setName(name: string): unknown;
    setType(type: string): unknown;
}

/** The stock dynamic-provider process, as the SDK ships it, and the calls to it. */
export class ProviderClient {
    private started: Promise<Client> | undefined;
    private child: Child | undefined;
    private closing = false;

    constructor(private readonly host: ProviderHost) {}

    /** Starts the process; what keeps it from starting is told by the first call. */
    startEarly(): void {
        this.start().catch(() => undefined);
    }

    /** Gives the provider the stack's configuration, `key` with its namespace. */
    async configure(urn: string, id: string, inputs: PropertyMap): Promise<void> {
        const request = this.about(new this.host.sdk.provider.ConfigureRequest(), urn);
        request.setType(PROVIDER_TYPE);
        request.setId(id);
        request.setAcceptsecrets(true);
        request.setAcceptresources(true);
        request.setSendsOldInputs(true);
        request.setSendsOldInputsToDelete(true);
        for (const [key, value] of Object.entries(propertiesToProvider(inputs))) {
            if (typeof value === "string") {
                request.getVariablesMap().set(`${DYNAMIC_PACKAGE}:config:${key}`, value);
            }
        }
        request.setArgs(toStruct(this.host.sdk, inputs));
        await this.call("configure", request);
    }

    /** @param olds inputs of the row as it stands, none for one that is to be created */
    async check(urn: string, olds: PropertyMap | undefined, news: PropertyMap): Promise<CheckResult> {
        const request = this.about(new this.host.sdk.provider.CheckRequest(), urn);
        request.setOlds(this.struct(olds ?? {}));
        request.setNews(this.struct(news));
        request.setRandomseed(crypto.randomBytes(32));
        const response = await this.call<InstanceType<Sdk["provider"]["CheckResponse"]>>("check", request);
        return {
            inputs: annotateSecrets(fromStruct(response.getInputs()), news),
            failures: response
                .getFailuresList()
                .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() })),
        };
    }

    /** Compares a row with new inputs; a provider that does not answer leaves the comparison to the inputs. */
    async diff(old: ResourceState, news: PropertyMap, ignored: readonly string[] = []): Promise<Diff> {
        const { provider } = this.host.sdk;
        const request = this.about(new provider.DiffRequest(), old.urn);
        request.setId(old.id ?? "");
        request.setOlds(this.struct(old.outputs));
        request.setOldInputs(this.struct(old.inputs));
        request.setNews(this.struct(news));
        request.setIgnorechangesList([...ignored]);
        const response = await this.call<InstanceType<Sdk["provider"]["DiffResponse"]>>("diff", request);
        const unknown = response.getChanges() === provider.DiffResponse.DiffChanges.DIFF_UNKNOWN;
        const changed = unknown
            ? changedKeys(old.inputs, ignoreChanges(news, old.inputs, ignored))
            : response.getDiffsList();
        return {
            changes: unknown
                ? changed.length > 0
                : response.getChanges() === provider.DiffResponse.DiffChanges.DIFF_SOME,
            replaces: response.getReplacesList(),
            changed,
            deleteBeforeReplace: response.getDeletebeforereplace(),
        };
    }

    create(row: ResourceState): Promise<CrudResult> {
        const request = this.about(new this.host.sdk.provider.CreateRequest(), row.urn);
        request.setProperties(this.struct(row.inputs));
        request.setTimeout(row.customTimeouts?.create ?? 0);
        return this.crud("create", request, row.inputs);
    }

    update(old: ResourceState, next: ResourceState): Promise<CrudResult> {
        const request = this.about(new this.host.sdk.provider.UpdateRequest(), next.urn);
        request.setId(old.id ?? "");
        request.setOlds(this.struct(old.outputs));
        request.setOldInputs(this.struct(old.inputs));
        request.setNews(this.struct(next.inputs));
        request.setTimeout(next.customTimeouts?.update ?? 0);
        request.setIgnorechangesList(next.ignoreChanges ?? []);
        return this.crud("update", request, next.inputs);
    }

    /** @param state the outputs as known; for a first read the inputs, by which the host finds `__provider` */
    async read(
        urn: string,
        id: string,
        inputs: PropertyMap,
        state: PropertyMap,
        timeout = 0,
    ): Promise<CrudResult> {
        const request = this.about(new this.host.sdk.provider.ReadRequest(), urn);
        request.setId(id);
        request.setProperties(this.struct(state));
        request.setInputs(this.struct(inputs));
        setReadTimeout(request, timeout);
        const result = await this.crud("read", request, state);
        if (result.inputs !== undefined) {
            annotateSecrets(result.inputs, inputs);
        }
        return result;
    }

    async delete(row: ResourceState): Promise<void> {
        const request = this.about(new this.host.sdk.provider.DeleteRequest(), row.urn);
        request.setId(row.id ?? "");
        request.setProperties(this.struct(row.outputs));
        request.setOldInputs(this.struct(row.inputs));
        request.setTimeout(row.customTimeouts?.delete ?? 0);
        await this.crud("delete", request, {});
    }

    /** Tells the provider that running operations should stop. */
    async cancel(): Promise<void> {
        const client = await this.started?.catch(() => undefined);
        await new Promise<void>((resolve) => {
            if (client === undefined) {
                resolve();
            } else {
                client.cancel(new this.host.sdk.Empty(), () => resolve());
            }
        });
    }

    /** Ends the process: at once, or (a signal it can catch) with time to end its own children. */
    close(signal: NodeJS.Signals = "SIGKILL"): void {
        this.closing = true;
        void this.started?.then(
            (client) => client.close(),
            () => undefined,
        );
        this.child?.kill(signal);
    }

    private start(): Promise<Client> {
        const { sdk, child, project, address } = this.host;
        return (this.started ??= new Promise<Client>((resolve, reject) => {
            let listening = false;
            this.child = new Child({
                ...child,
                args: [path.join(sdk.dir, "cmd", "dynamic-provider", "index.js"), address],
                env: {
                    ...child.env,
                    PULUMI_PROJECT: project,
                    // By it `req.config.get("key")` finds keys of the project's own namespace.
                    PULUMI_NODEJS_PROJECT: project,
                    PULUMI_CONFIG: "{}",
                    PULUMI_CONFIG_SECRET_KEYS: "[]",
                },
                onLine: (line, from) => {
                    if (!listening && from === "stdout" && /^\d+$/.test(line.trim())) {
                        listening = true;
                        resolve(this.connect(Number(line)));
                    } else if (line.trim() !== "" && !isStackFrame(line)) {
                        this.host.log(from === "stdout" ? "info" : "info#err", line);
                    }
                },
            });
            void this.child.exited.then((outcome) => {
                reject(new Error(`the dynamic provider process ended before it was ready (${outcome})`));
                if (listening && !this.closing) {
                    this.host.log("error", `the dynamic provider process ended unexpectedly (${outcome})`);
                }
            });
        }));
    }

    private connect(port: number): Client {
        const { grpc, providerServices } = this.host.sdk;
        return new providerServices.ResourceProviderClient(
            `127.0.0.1:${port}`,
            grpc.credentials.createInsecure(),
            // A retried create would create twice.
            { ...GRPC_OPTIONS, "grpc.enable_retries": 0 },
        );
    }

    private async call<Response>(method: Method, request: unknown): Promise<Response> {
        const client = await this.start();
        return new Promise<Response>((resolve, reject) => {
            const callback = (error: ServiceError | null, response: Response): void => {
                if (error === null) {
                    resolve(response);
                } else {
                    reject(new ProviderError(error));
                }
            };
            (client[method] as (request: unknown, callback: unknown) => void).call(client, request, callback);
        });
    }

    private async crud(method: Method, request: unknown, secretsIn: PropertyMap): Promise<CrudResult> {
        interface CrudResponse {
            getId?(): string;
            getProperties?(): Parameters<typeof fromStruct>[0];
            getInputs?(): Parameters<typeof fromStruct>[0];
        }
        try {
            const response = await this.call<CrudResponse>(method, request);
            const [outputs, inputs] = [response.getProperties?.(), response.getInputs?.()];
            return {
                id: response.getId?.() ?? "",
                outputs: outputs && annotateSecrets(fromStruct(outputs), secretsIn),
                inputs: inputs && fromStruct(inputs),
            };
        } catch (error) {
            const partial =
                error instanceof ProviderError ? this.partialResult(error.cause, secretsIn) : undefined;
            if (partial === undefined) {
                throw error;
            }
            return partial;
        }
    }

    /** A failure that left something behind carries its id and properties in the trailer of the gRPC error. */
    private partialResult(error: ServiceError, secretsIn: PropertyMap): CrudResult | undefined {
        const { provider, status } = this.host.sdk;
        const [packed] = error.metadata.get("grpc-status-details-bin");
        if (!(packed instanceof Uint8Array)) {
            return undefined;
        }
        const detail = status.Status.deserializeBinary(new Uint8Array(packed))
            .getDetailsList()
            .find((any) => any.getTypeUrl().endsWith("pulumirpc.ErrorResourceInitFailed"));
        if (detail === undefined) {
            return undefined;
        }
        const failed = provider.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
        const inputs = failed.getInputs();
        return {
            id: failed.getId(),
            outputs: annotateSecrets(fromStruct(failed.getProperties()), secretsIn),
            inputs: inputs && fromStruct(inputs),
            initErrors: failed.getReasonsList(),
        };
    }

    private about<Request extends ResourceRequest>(request: Request, urn: string): Request {
        request.setUrn(urn);
        request.setName(nameOf(urn));
        request.setType(typeOf(urn));
        return request;
    }

    private struct(map: PropertyMap): ReturnType<typeof toStruct> {
        return toStruct(this.host.sdk, propertiesToProvider(map));
    }
}

/** A call that the provider answered with an error. */
export class ProviderError extends Error {
    constructor(override readonly cause: ServiceError) {
        super(cause.details === "" ? cause.message : cause.details);
    }
}

/** The host writes failed calls with their stack to its standard error; the error itself says what the user needs. */
function isStackFrame(line: string): boolean {
    return /^\s+at .*(:\d+:\d+\)?|<anonymous>\)?)$/.test(line);
}

/** Not in the stubs of the oldest supported SDK. */
function setReadTimeout(request: object, timeout: number): void {
    (request as { setTimeout?: (seconds: number) => void }).setTimeout?.(timeout);
}

import type { Context } from "../resource/context";
import { checkInputs } from "../resource/check";
import { newClaim, ownerOf, ownershipOf } from "../resource/claim";
import type { AnyResource, State, Verb } from "../resource/definition";
import { diffInputs } from "../resource/diff";
import { EdgeError, messageOf, PartialFailure, UnavailableHere } from "../resource/errors";
import { formatPath, type Problem } from "../resource/problem";
import { isRecord } from "../resource/unknown";
import { duration } from "./duration";
import type { ConfigureRequest, ProcessHost } from "./host";
import { ShownError } from "./shownError";
import { fromWire, toWire, type Properties } from "./wire";

const DEFAULT_TIME_LIMIT = 20 * 60_000;
const CHECK_TIME_LIMIT = 60_000;

/** What the program's half of a resource sends along, hidden from diffs. */
interface ProgramContext {
    urn: string;
    timeouts: Record<string, string>;
    preview: boolean;
    secrets: string[];
}

/** Clients by system and target, shared by every kind of the process. */
const clients = new Map<string, unknown>();

/** One kind of resource, as the stock dynamic-provider host wants it. */
export class DynamicAdapter {
    private definition?: AnyResource;

    constructor(
        private readonly kind: string,
        private readonly load: () => AnyResource,
        private readonly host: ProcessHost,
    ) {}

    async configure(request: ConfigureRequest): Promise<void> {
        this.host.configure(request);
    }

    async check(
        olds: Properties,
        news: Properties,
    ): Promise<{ inputs: Properties; failures: CheckFailure[] }> {
        const program = programContext(news);
        return this.run("check", program, news, async (definition, context) => {
            const last = Object.keys(olds).length > 0 ? fromWire(olds) : undefined;
            let checked: { inputs: Properties; problems: Problem[] };
            try {
                checked = await checkInputs(definition, fromWire(news), last, context);
            } catch (error) {
                // Thrown from here, the host would print it with a stack, beside the engine's own message.
                const message = this.host.reasons.tell(textOf(error), program.urn, context.title);
                checked = { inputs: fromWire(news), problems: [{ path: [], message }] };
            }
            const redact = secretsOf(news, program.secrets);
            return {
                inputs: { ...toWire(checked.inputs), __ctx: lastingContext(news) },
                failures: checked.problems.map((problem) => failure(problem, news, program.secrets, redact)),
            };
        });
    }

    async diff(
        _id: string,
        olds: Properties,
        news: Properties,
    ): Promise<{ changes: boolean; replaces: string[] }> {
        const definition = this.defined();
        const { changed, replaces } = diffInputs(
            definition,
            this.state(definition, olds).inputs,
            fromWire(news),
        );
        return { changes: changed.length > 0, replaces };
    }

    async create(news: Properties): Promise<{ id: string; outs: Properties }> {
        return this.run("create", programContext(news), news, async (definition, context) => {
            const inputs = fromWire(news);
            try {
                const made = await definition.create(inputs, context);
                return {
                    id: made.id,
                    outs: stored(definition, news, { ...inputs, ...made.inputs }, made.outputs),
                };
            } catch (error) {
                if (error instanceof PartialFailure && error.reached.id !== undefined) {
                    const reached = { ...inputs, ...(error.reached.inputs as Properties | undefined) };
                    const outputs = error.reached.outputs as Properties | undefined;
                    throw new InitFailed(
                        error.reached.id,
                        stored(definition, news, reached, outputs ?? {}),
                        error.reasons,
                    );
                }
                throw error;
            }
        });
    }

    async read(
        id: string,
        props: Properties,
    ): Promise<{ id: string; props?: Properties; inputs?: Properties }> {
        return this.run("read", programContext(props), props, async (definition, context) => {
            const state = this.state(definition, props);
            const found = await definition.read(id, state, context);
            if (!found) return { id: "" };
            const inputs = { ...state.inputs, ...found.inputs };
            const outputs = { ...state.outputs, ...found.outputs };
            return {
                id,
                inputs: { ...toWire(inputs), __ctx: lastingContext(props) },
                props: stored(definition, props, inputs, outputs),
            };
        });
    }

    async update(id: string, olds: Properties, news: Properties): Promise<{ outs: Properties }> {
        return this.run("update", programContext(news), news, async (definition, context) => {
            const state = this.state(definition, olds);
            const inputs = fromWire(news);
            try {
                const { outputs } = await definition.update(id, state, inputs, context);
                return { outs: stored(definition, news, inputs, { ...state.outputs, ...outputs }) };
            } catch (error) {
                // Whatever part of it was done, the next run must look again even if the program goes back.
                const reached = error instanceof PartialFailure ? error.reached : {};
                throw new InitFailed(
                    id,
                    stored(
                        definition,
                        news,
                        { ...state.inputs, ...(reached.inputs as Properties | undefined) },
                        { ...state.outputs, ...(reached.outputs as Properties | undefined) },
                    ),
                    error instanceof PartialFailure ? error.reasons : [textOf(error)],
                );
            }
        });
    }

    async delete(id: string, props: Properties): Promise<void> {
        await this.run("delete", programContext(props), props, async (definition, context) => {
            await definition.delete(id, this.state(definition, props), context);
        });
    }

    private defined(): AnyResource {
        this.definition ??= this.load();
        return this.definition;
    }

    /** Splits stored properties into inputs and outputs, after bringing an older version's state up to date. */
    private state(definition: AnyResource, properties: Properties): State<Properties, Properties> {
        const from = typeof properties.__version === "number" ? properties.__version : 1;
        const plain = fromWire(properties);
        const current =
            from < (definition.version ?? 1) && definition.upgrade ? definition.upgrade(plain, from) : plain;
        const pick = (shape: object): Properties =>
            Object.fromEntries(Object.entries(current).filter(([name]) => name in shape));
        return { inputs: pick(definition.inputs.shape), outputs: pick(definition.outputs.shape) };
    }

    /** Runs a verb within its time limit and the process's cancellation, and turns what it throws into plain text. */
    private async run<T>(
        verb: Verb,
        program: ProgramContext,
        properties: Properties,
        body: (definition: AnyResource, context: Context<unknown>) => Promise<T>,
    ): Promise<T> {
        const definition = this.defined();
        const usual = verb === "check" ? CHECK_TIME_LIMIT : DEFAULT_TIME_LIMIT;
        const limit = duration(program.timeouts[verb]) ?? definition.timeouts?.[verb] ?? usual;
        const timer = new AbortController();
        const timeout = setTimeout(() => {
            timer.abort(
                new EdgeError(`${verb} reached its time limit of ${limit / 1000} s (customTimeouts)`),
            );
        }, limit);
        const signal = AbortSignal.any([this.host.cancellation.signal, timer.signal]);
        const context = this.context(definition, program, properties, verb, signal, limit);
        try {
            return await this.host.cancellation.during(() => body(definition, context));
        } catch (error) {
            if (error instanceof InitFailed) throw error;
            throw new ShownError(this.host.reasons.tell(textOf(error), program.urn, context.title));
        } finally {
            clearTimeout(timeout);
            this.host.log.endProgress(program.urn);
        }
    }

    private context(
        definition: AnyResource,
        program: ProgramContext,
        properties: Properties,
        verb: Verb,
        signal: AbortSignal,
        timeLimit: number,
    ): Context<unknown> {
        const { host } = this;
        const { urn, preview } = program;
        const { stack, project, name } = partsOf(urn);
        const owner = ownerOf({ owner: host.config("edge-os:owner"), project, stack });
        const random = (bytes: number): Buffer => host.random(bytes);
        const log = {
            info: (text: string) => host.log.info(urn, text),
            warn: (text: string) => host.log.warn(urn, text),
        };
        return {
            title: `${this.kind} ${JSON.stringify(name)}`,
            get client() {
                return clientFor(definition, fromWire(properties), host);
            },
            settings: host,
            projectDir: host.projectDir,
            preview: preview && verb === "check",
            owner,
            newClaim: () => newClaim(owner, urn, random),
            ownership: (claim) => ownershipOf(claim, owner, urn),
            signal,
            timeLimit,
            secretInputs: program.secrets,
            progress: (text) => host.log.progress(urn, text),
            log,
            now: () => host.now(),
            sleep: (milliseconds) => host.sleep(milliseconds, signal),
            random,
            async ifAvailable(lookUp, fallback) {
                try {
                    return await lookUp();
                } catch (error) {
                    if (!preview || !(error instanceof UnavailableHere)) throw error;
                    host.log.warnOnce(urn, `not checked in this preview: ${error.message}`);
                    return fallback;
                }
            },
        };
    }
}

interface CheckFailure {
    property: string;
    reason: string;
}

/** What the host packs as "exists, but not ready": kept in the state, continued by the next update. */
class InitFailed extends Error {
    constructor(
        readonly id: string,
        readonly properties: Properties,
        readonly reasons: string[],
    ) {
        super(reasons.join("\n"));
    }
}

function textOf(error: unknown): string {
    if (error instanceof EdgeError || process.env.EDGE_OS_DEBUG === undefined) return messageOf(error);
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function clientFor(definition: AnyResource, properties: Properties, host: ProcessHost): unknown {
    const { system } = definition;
    const target = Object.fromEntries(system.target.map((name) => [name, properties[name]]));
    const key = JSON.stringify([system.name, target]);
    if (!clients.has(key)) clients.set(key, system.connect(target, host));
    return clients.get(key);
}

/** Outputs as they go into the state; `__provider` must be among them, or nothing could delete the row again. */
function stored(
    definition: AnyResource,
    from: Properties,
    inputs: Properties,
    outputs: Properties,
): Properties {
    return {
        ...toWire({ ...inputs, ...outputs }),
        __version: definition.version ?? 1,
        __ctx: lastingContext(from),
        __provider: from.__provider,
    };
}

/** `urn:pulumi:<stack>::<project>::<type>::<name>`. */
function partsOf(urn: string): { stack: string; project: string; name: string } {
    const [head = "", project = "", , ...name] = urn.split("::");
    return { stack: head.slice("urn:pulumi:".length), project, name: name.join("::") };
}

function programContext(properties: Properties): ProgramContext {
    const raw = isRecord(properties.__ctx) ? properties.__ctx : {};
    return {
        urn: typeof raw.urn === "string" ? raw.urn : "",
        timeouts: isRecord(raw.timeouts) ? (raw.timeouts as Record<string, string>) : {},
        preview: raw.preview === true,
        secrets: Array.isArray(raw.secrets) ? raw.secrets.map(String) : [],
    };
}

/** The part that outlives the run: a delete or refresh has no program to ask. */
function lastingContext(properties: Properties): Properties {
    const { urn, timeouts, secrets } = isRecord(properties.__ctx) ? properties.__ctx : {};
    return toWire({ urn, timeouts, secrets });
}

function failure(
    problem: Problem,
    news: Properties,
    secrets: readonly string[],
    redact: (text: string) => string,
): CheckFailure {
    const [first, ...rest] = problem.path;
    const property = first === undefined ? "" : String(first);
    if (property === "" || secrets.includes(property) || holdsCredentials(news[property])) {
        const where = problem.path.length > 0 ? `${formatPath(problem.path)}: ` : "";
        return { property: "", reason: redact(`${where}${problem.message}`) };
    }
    const where = rest.length > 0 ? `${formatPath(rest)}: ` : "";
    return { property, reason: redact(`${where}${problem.message}`) };
}

const SECRET_KEY = /token|password|secret/i;

/**
 * The engine prints the value of what is reported, and a program may not have said that something in it is a secret: a
 * password in a URL, a token in user-data.
 */
function holdsCredentials(value: unknown): boolean {
    if (Array.isArray(value)) return value.some(holdsCredentials);
    if (isRecord(value))
        return Object.entries(value).some(([key, each]) => SECRET_KEY.test(key) || holdsCredentials(each));
    if (typeof value !== "string") return false;
    return /:\/\/[^/\s@]*:[^/\s@]+@/.test(value) || /^\s*\w*(?:token|password|secret)\w*:\s*\S/im.test(value);
}

/** Takes the values of secret inputs out of a text. */
function secretsOf(properties: Properties, names: readonly string[]): (text: string) => string {
    const values = names.flatMap((name) => strings(properties[name])).filter((value) => value.length > 0);
    return (text) => values.reduce((redacted, value) => redacted.split(value).join("[secret]"), text);
}

function strings(value: unknown): string[] {
    if (typeof value === "string" || typeof value === "number") return [String(value)];
    if (Array.isArray(value)) return value.flatMap(strings);
    return isRecord(value) ? Object.values(value).flatMap(strings) : [];
}

import * as crypto from "node:crypto";
import { newClaim, ownerOf, ownershipOf } from "../../provider/resource/claim";
import type { Context, Host } from "../../provider/resource/context";
import { UnavailableHere } from "../../provider/resource/errors";

export interface TestContext<C> extends Context<C> {
    readonly messages: { info: string[]; warn: string[]; progress: string[] };
    /** Milliseconds slept in all. */
    readonly slept: number;
}

export interface TestContextOptions<C> {
    client: C;
    /** Resource name within the stack; rows of one stack differ in it. */
    name?: string;
    kind?: string;
    stack?: string;
    /** Stack configuration by full key; what is not text is written as JSON. */
    config?: Readonly<Record<string, unknown>>;
    env?: Readonly<Record<string, string | undefined>>;
    projectDir?: string;
    preview?: boolean;
    signal?: AbortSignal;
    timeLimit?: number;
    secretInputs?: readonly string[];
    /** Called instead of waiting; the clock moves on by as much either way. */
    sleep?: (milliseconds: number) => Promise<void>;
    now?: () => number;
    random?: (bytes: number) => Buffer;
}

/** What a handler gets, with a clock of its own: sleeping takes no time but moves it on. */
export function testContext<C>(options: TestContextOptions<C>): TestContext<C> {
    const { client, name = "test", kind = "test.Kind", stack = "dev", preview = false } = options;
    const owner = ownerOf({ project: "project", stack });
    const urn = `urn:pulumi:${stack}::project::pulumi-nodejs:dynamic/edge-os/${kind.replace(".", ":")}::${name}`;
    const random = options.random ?? ((bytes: number) => crypto.randomBytes(bytes));
    const signal = options.signal ?? new AbortController().signal;
    const messages = { info: [] as string[], warn: [] as string[], progress: [] as string[] };
    const clock = { slept: 0 };
    return {
        title: `${kind} ${JSON.stringify(name)}`,
        client,
        settings: {
            config: (key) => configText(options.config?.[key]),
            env: options.env ?? {},
        },
        projectDir: options.projectDir ?? process.cwd(),
        preview,
        owner,
        newClaim: () => newClaim(owner, urn, random),
        ownership: (claim) => ownershipOf(claim, owner, urn),
        signal,
        timeLimit: options.timeLimit ?? 20 * 60_000,
        secretInputs: options.secretInputs ?? [],
        progress: (text) => void messages.progress.push(text),
        log: {
            info: (text) => void messages.info.push(text),
            warn: (text) => void messages.warn.push(text),
        },
        now: options.now ?? (() => Date.now() + clock.slept),
        async sleep(milliseconds) {
            signal.throwIfAborted();
            clock.slept += milliseconds;
            await options.sleep?.(milliseconds);
        },
        random,
        async ifAvailable(lookUp, fallback) {
            try {
                return await lookUp();
            } catch (error) {
                if (!preview || !(error instanceof UnavailableHere)) throw error;
                messages.warn.push(error.message);
                return fallback;
            }
        },
        messages,
        get slept() {
            return clock.slept;
        },
    };
}

export interface TestHost extends Host {
    readonly warnings: string[];
    /** Waits asked for, in milliseconds. */
    readonly sleeps: number[];
    /** Moves the clock. */
    advance(milliseconds: number): void;
}

/** What a client is made from; it does not wait really, but its clock says so. */
export function testHost(
    options: {
        config?: Readonly<Record<string, unknown>>;
        env?: Readonly<Record<string, string | undefined>>;
        projectDir?: string;
        sleep?: (milliseconds: number) => Promise<void>;
    } = {},
): TestHost {
    const warnings: string[] = [];
    const sleeps: number[] = [];
    let offset = 0;
    return {
        config: (key) => configText(options.config?.[key]),
        env: options.env ?? {},
        projectDir: options.projectDir ?? process.cwd(),
        warn: (text) => void warnings.push(text),
        now: () => Date.now() + offset,
        async sleep(milliseconds, signal) {
            signal?.throwIfAborted();
            sleeps.push(milliseconds);
            offset += milliseconds;
            await options.sleep?.(milliseconds);
        },
        random: (bytes) => crypto.randomBytes(bytes),
        warnings,
        sleeps,
        advance(milliseconds) {
            offset += milliseconds;
        },
    };
}

/** As the engine hands out configuration: objects are text too. */
function configText(value: unknown): string | undefined {
    return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
}

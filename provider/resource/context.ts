import type { Ownership } from "./claim";

/** What a handler gets beside plain values. Time, sleep and randomness come from here, so that tests decide them. */
export interface Context<Client> {
    /** `emf.Region "north"`: the resource as messages name it. */
    readonly title: string;
    readonly client: Client;
    /** Configuration and environment, for ways out beside the client: SSH. */
    readonly settings: Pick<Host, "config" | "env">;
    /** Folder of the program; relative paths in inputs start here. */
    readonly projectDir: string;
    /** A preview: nothing may be written, and what is missing only here is no failure. */
    readonly preview: boolean;
    /** This stack's part of every claim it writes. */
    readonly owner: string;
    /** A claim no other row has. */
    newClaim(): string;
    /** Whose claim an object carries, seen from this row. */
    ownership(claim: string | undefined): Ownership;
    /** Aborted on cancellation and at the verb's time limit; its reason is the error to throw. */
    readonly signal: AbortSignal;
    /** Names of the inputs that hold a secret somewhere: what they say must not be shown. */
    readonly secretInputs?: readonly string[];
    /** Shows one line in the resource's own row while it runs. */
    progress(text: string): void;
    /** Lines that stay on the resource. */
    readonly log: { info(text: string): void; warn(text: string): void };
    /** Time limit of the running verb, in milliseconds. */
    readonly timeLimit: number;
    /** Milliseconds since the epoch. */
    now(): number;
    /** Rejects with the signal's reason when that is aborted first. */
    sleep(milliseconds: number): Promise<void>;
    random(bytes: number): Buffer;
    /**
     * Runs a look-up of a check. In a preview, what is only missing here (`UnavailableHere`) becomes a warning
     * and the fallback; in an update it fails.
     */
    ifAvailable<T>(lookUp: () => Promise<T>, fallback: T): Promise<T>;
}

/** What a system's client is made from, once a run: settings, environment, and the ways to wait and to warn. */
export interface Host {
    /** Stack configuration by full key, `edge-os:emf`; undefined when it is not set. */
    config(key: string): string | undefined;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly projectDir: string;
    warn(text: string): void;
    now(): number;
    sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
    random(bytes: number): Buffer;
}

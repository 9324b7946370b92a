import type { ResourceState } from "./resource";
import type { PropertyMap } from "./values";

/** The operations of steps, by the CLI's names. */
export type StepOp =
    | "same"
    | "create"
    | "update"
    | "delete"
    | "replace"
    | "create-replacement"
    | "delete-replaced"
    | "read"
    | "read-replacement"
    | "refresh"
    | "read-discard"
    | "discard-replaced";

/** How bad a message is; `info#err` is what a process wrote to its standard error. */
export type Severity = "debug" | "info" | "info#err" | "warning" | "error";

/** What a step does to a row. */
export interface StepEvent {
    op: StepOp;
    urn: string;
    old?: ResourceState;
    new?: ResourceState;
    /** The properties that make a replacement necessary. */
    keys?: string[];
    /** The properties that the provider says differ; empty when it does not say. */
    diffs?: string[];
    /** Of the engine's own making (a provider): not shown and not counted. */
    internal: boolean;
}

/** How many steps of each operation counted as changes, with `same` for the unchanged rows. */
export type ChangeSummary = Partial<Record<StepOp, number>>;

/** What happens while a stack is worked on. */
export type DeploymentEvent =
    | { kind: "pre"; step: StepEvent; planning: boolean }
    | { kind: "outputs"; step: StepEvent; planning: boolean }
    | { kind: "failed"; step: StepEvent }
    | { kind: "diagnostic"; severity: Severity; message: string; urn?: string; ephemeral: boolean }
    | { kind: "summary"; changes: ChangeSummary; seconds: number; planning: boolean };

/** An event in the form of the CLI's event log and of the Automation API's `onEvent`. */
export interface EngineEvent {
    sequence: number;
    /** Seconds since 1970. */
    timestamp: number;
    preludeEvent?: { config: Record<string, string> };
    resourcePreEvent?: { metadata: StepMetadata; planning?: boolean };
    resOutputsEvent?: { metadata: StepMetadata; planning?: boolean };
    resOpFailedEvent?: { metadata: StepMetadata; status: number; steps: number };
    diagnosticEvent?: {
        urn?: string;
        prefix?: string;
        message: string;
        severity: Severity;
        ephemeral?: boolean;
    };
    summaryEvent?: {
        durationSeconds: number;
        resourceChanges: Record<string, number>;
        maybeCorrupt: boolean;
    };
}

/** The step of an {@link EngineEvent}. */
export interface StepMetadata {
    op: StepOp;
    urn: string;
    type: string;
    old?: StepState;
    new?: StepState;
    keys?: string[];
    diffs?: string[];
    provider: string;
}

/** A row in a {@link StepMetadata}: secrets are shown as `[secret]`. */
export interface StepState {
    urn: string;
    type: string;
    custom: boolean;
    id: string;
    parent: string;
    protect?: boolean;
    inputs: PropertyMap;
    outputs: PropertyMap;
    initErrors?: string[];
}

import type { DeploymentEvent, EngineEvent, StepEvent, StepMetadata, StepState } from "./events";
import type { ResourceState } from "./resource";
import { mapValues, redact } from "./values";

/** A converter to events of the CLI's form, with a sequence number and a time; it begins with a prelude. */
export function toEngineEvents(
    configKeys: readonly string[],
    onEvent: (event: EngineEvent) => void,
): (event: DeploymentEvent) => void {
    let sequence = 0;
    const send = (content: Omit<EngineEvent, "sequence" | "timestamp">): void =>
        onEvent({ sequence: sequence++, timestamp: Math.floor(Date.now() / 1000), ...content });
    // Only the keys: values may be secrets, and nobody needs them here.
    send({ preludeEvent: { config: Object.fromEntries(configKeys.map((key) => [key, ""])) } });
    return (event) => {
        if (!("step" in event && event.step.internal)) {
            send(convert(event));
        }
    };
}

function convert(event: DeploymentEvent): Omit<EngineEvent, "sequence" | "timestamp"> {
    switch (event.kind) {
        case "pre":
            return { resourcePreEvent: { metadata: metadataOf(event.step), planning: event.planning } };
        case "outputs":
            return { resOutputsEvent: { metadata: metadataOf(event.step), planning: event.planning } };
        case "failed":
            return { resOpFailedEvent: { metadata: metadataOf(event.step), status: 0, steps: 0 } };
        case "diagnostic":
            return {
                diagnosticEvent: {
                    urn: event.urn,
                    message: event.message,
                    severity: event.severity,
                    ephemeral: event.ephemeral,
                },
            };
        case "summary":
            return {
                summaryEvent: {
                    durationSeconds: Math.round(event.seconds),
                    resourceChanges: { ...event.changes },
                    maybeCorrupt: false,
                },
            };
    }
}

function metadataOf(step: StepEvent): StepMetadata {
    const row = step.new ?? step.old;
    return {
        op: step.op,
        urn: step.urn,
        type: row?.type ?? "",
        old: step.old && stateOf(step.old),
        new: step.new && stateOf(step.new),
        keys: step.keys,
        diffs: step.diffs,
        provider: row?.provider ?? "",
    };
}

function stateOf(row: ResourceState): StepState {
    return {
        urn: row.urn,
        type: row.type,
        custom: row.custom,
        id: row.id ?? "",
        parent: row.parent ?? "",
        protect: row.protect,
        inputs: mapValues(row.inputs, redact),
        outputs: mapValues(row.outputs, redact),
        initErrors: row.initErrors,
    };
}

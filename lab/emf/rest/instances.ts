import type { AnyRow, InstanceRow } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import type { EmfStore } from "../store";
import type { Call, Handlers } from "./call";
import { getRow, removeRow, updateRow } from "./crud";
import { presentNestedHost } from "./hostAnswers";
import { presentBareInstance, withAccount, withConfigs, withOs } from "./instanceAnswers";
import { answerList } from "./lists";
import { patchMask, pick, pickAs } from "./messages";
import { emptyAnswer, type Answer } from "./present";

const UPDATABLE = {
    name: "name",
    kind: "kind",
    osID: "os",
    hostID: "host",
    osUpdatePolicyID: "osUpdatePolicy",
};

const EDGES = {
    hostID: "host",
    osID: "os",
    localAccountID: "localaccount",
    osUpdatePolicyID: "osUpdatePolicy",
    customConfigID: "customConfig",
};

function present(store: EmfStore, row: InstanceRow | undefined, view: "written" | "read" | "listed"): Answer {
    if (!row) return emptyAnswer("InstanceResource");
    const host = row.host === undefined ? undefined : store.find("host", row.host);
    const answer = withAccount(store, row, withOs(store, row, presentBareInstance(row)));
    const complete = view === "listed" ? answer : withConfigs(store, row, answer);
    if (!host) return complete;
    return { ...complete, host: presentNestedHost(store, host, view !== "written"), hostID: host.resourceId };
}

/**
 * An instance as a body describes it. RUNNING is always among the fields, so that a write with an empty mask brings an
 * invalidated or deleted instance back.
 */
function toMessage({ body, hasBody }: Call): Message {
    if (!hasBody) return {};
    return {
        ...pick(body, ["kind", "name", "securityFeature"]),
        ...pickAs(body, EDGES),
        desiredState: "INSTANCE_STATE_RUNNING",
    };
}

function write(call: Call, mask: readonly string[]): Answer {
    const row = updateRow(call, "instance", toMessage(call), mask);
    return present(call.store, row as InstanceRow | undefined, "written");
}

function invalidate(call: Call): Record<string, never> {
    updateRow(call, "instance", { desiredState: "INSTANCE_STATE_UNTRUSTED" }, ["desiredState"]);
    return {};
}

/** Instances (`compute/instances`). */
export const instances: Handlers = {
    ListInstances: (call) =>
        answerList(call, "instance", "instances", (row: AnyRow) =>
            present(call.store, row as unknown as InstanceRow, "listed"),
        ),
    CreateInstance: (call) =>
        present(call.store, call.store.create("instance", call.tenantId, toMessage(call)), "written"),
    GetInstance: (call) => present(call.store, getRow(call, "instance") as InstanceRow | undefined, "read"),
    UpdateInstance: (call) => write(call, Object.values(UPDATABLE)),
    PatchInstance: (call) => write(call, patchMask(call, UPDATABLE)),
    InvalidateInstance: invalidate,
    DeleteInstance: removeRow,
};

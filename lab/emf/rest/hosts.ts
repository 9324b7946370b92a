import { EmfError } from "../errors";
import type { HostRow } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import { blocked, checkHostIdentity } from "../store";
import type { Call, Handlers } from "./call";
import { getRow, removeRow, updateRow } from "./crud";
import { presentHost } from "./hostAnswers";
import { summarizeHosts } from "./hostSummary";
import { answerList, parameter } from "./lists";
import { compact, patchMask, pick } from "./messages";
import { storedMetadata, type Answer } from "./present";

const API_CLIENT = "CLIENT_KIND_API";

const UPDATABLE = {
    name: "name",
    siteId: "site",
    metadata: "metadata",
    desiredPowerState: "desiredPowerState",
    desiredAmtState: "desiredAmtState",
    powerCommandPolicy: "powerCommandPolicy",
    amtControlMode: "amtControlMode",
    amtDnsSuffix: "amtDnsSuffix",
    desiredKvmState: "desiredKvmState",
    desiredSolState: "desiredSolState",
};

const COPIED = [
    "name",
    "desiredPowerState",
    "desiredAmtState",
    "powerCommandPolicy",
    "amtControlMode",
    "amtDnsSuffix",
    "desiredKvmState",
    "desiredSolState",
];

function register(call: Call): Answer {
    const { body, store, tenantId } = call;
    const device = pick(body, ["name", "serialNumber", "uuid", "userLvmSize"]);
    if (device.serialNumber === undefined && device.uuid === undefined) {
        throw new EmfError("InvalidArgument", "either UUID or SerialNumber must be set");
    }
    refuseNegative(body.userLvmSize);
    const row = store.create("host", tenantId, {
        ...device,
        desiredState: wantedState(body),
        desiredPowerState: "POWER_STATE_ON",
        desiredAmtState: body.enableVpro === true ? "AMT_STATE_PROVISIONED" : "AMT_STATE_UNPROVISIONED",
    });
    return presentHost(store, row, "written");
}

function wantedState(body: Call["body"]): string {
    return body.autoOnboard === true ? "HOST_STATE_ONBOARDED" : "HOST_STATE_REGISTERED";
}

function refuseNegative(size: unknown): void {
    if (typeof size === "number" && (size < 0 || size > 0xffffffff)) {
        throw new EmfError("InvalidArgument", `proto: invalid value for uint32 field userLvmSize: ${size}`);
    }
}

/** Name and wanted state come from the body alone: what it leaves out is blanked, what else it says is ignored. */
function patchRegistration(call: Call): Answer {
    refuseNegative(call.body.userLvmSize);
    const message = { ...pick(call.body, ["name"]), desiredState: wantedState(call.body) };
    return written(call, updateRow(call, "host", message, ["name", "desiredState"]));
}

/** Unusable in EMF: the serial number may not be in the body, and without one a policy blocks the call. */
function create(call: Call): Answer {
    const message = compact({
        ...pick(call.body, ["name", "uuid", "amtDnsSuffix", "amtControlMode", "desiredAmtState"]),
        metadata: storedMetadata(call.body.metadata),
        site: pick(call.body, ["siteId"]).siteId,
        desiredState: "HOST_STATE_ONBOARDED",
        desiredPowerState: "POWER_STATE_ON",
        powerCommandPolicy: "POWER_COMMAND_POLICY_ORDERED",
    });
    checkHostIdentity(message, API_CLIENT);
    refuseAmtSku(call);
    return presentHost(call.store, call.store.create("host", call.tenantId, message), "written");
}

function toMessage({ body }: Call): Message {
    return compact({
        ...pick(body, COPIED),
        metadata: storedMetadata(body.metadata),
        site: pick(body, ["siteId"]).siteId,
    });
}

function update(call: Call, mask: readonly string[]): Answer {
    const message = repeatReset(call, toMessage(call));
    refuseControlModeChange(call, mask);
    refuseAmtSku(call);
    return written(call, updateRow(call, "host", message, mask));
}

function refuseAmtSku({ body }: Call): void {
    if (pick(body, ["amtSku"]).amtSku !== undefined) throw blocked(API_CLIENT);
}

/** A reset asked for while one is under way becomes another value, so that the device sees a change. */
function repeatReset(call: Call, message: Message): Message {
    if (message.desiredPowerState !== "POWER_STATE_RESET") return message;
    const host = currentHost(call);
    const states = [host?.currentPowerState, host?.desiredPowerState];
    return states.includes("POWER_STATE_RESET")
        ? { ...message, desiredPowerState: "POWER_STATE_RESET_REPEAT" }
        : message;
}

function refuseControlModeChange(call: Call, mask: readonly string[]): void {
    if (!mask.includes("amtControlMode")) return;
    const host = currentHost(call);
    const provisioned = "AMT_STATE_PROVISIONED";
    if (host?.desiredAmtState === provisioned && host.currentAmtState === provisioned) {
        throw new EmfError(
            "FailedPrecondition",
            `cannot modify amtControlMode when host ${host.resourceId} is already provisioned`,
        );
    }
}

function currentHost(call: Call): HostRow | undefined {
    return getRow(call, "host") as HostRow | undefined;
}

function written({ store }: Call, row: unknown): Answer {
    return presentHost(store, row as HostRow | undefined, "written");
}

function invalidate(call: Call): Record<string, never> {
    const message = compact({ desiredState: "HOST_STATE_UNTRUSTED", note: parameter(call.query, "note") });
    updateRow(call, "host", message, ["desiredState", "note"]);
    return {};
}

function onboard(call: Call): Record<string, never> {
    updateRow(call, "host", { desiredState: "HOST_STATE_ONBOARDED" }, ["desiredState"]);
    return {};
}

/** Hosts (`compute/hosts`). */
export const hosts: Handlers = {
    ListHosts: (call) =>
        answerList(call, "host", "hosts", (row) =>
            presentHost(call.store, row as unknown as HostRow, "listed"),
        ),
    GetHostsSummary: summarizeHosts,
    CreateHost: create,
    RegisterHost: register,
    PatchRegisterHost: patchRegistration,
    GetHost: (call) => presentHost(call.store, currentHost(call), "read"),
    UpdateHost: (call) => update(call, Object.values(UPDATABLE)),
    PatchHost: (call) => update(call, patchMask(call, UPDATABLE)),
    OnboardHost: onboard,
    InvalidateHost: invalidate,
    DeleteHost: removeRow,
};

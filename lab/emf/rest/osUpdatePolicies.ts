import type { AnyRow, OsUpdatePolicyRow } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import type { EmfStore } from "../store";
import type { Call, Handlers } from "./call";
import { requirePattern } from "./constraints";
import { getRow, removeRow } from "./crud";
import { answerList } from "./lists";
import { compact, pick } from "./messages";
import { presentOs } from "./osProfiles";
import { emptyAnswer, presentColumns, type Answer } from "./present";

const SCHEMA = "OSUpdatePolicy";

const PACKAGES = /^[-\w./:;=@?!#,<>*()" \\\n]*$/;

/** An update policy as the API answers it where it is nested: without the OS it leads to. */
export function presentPolicy(row: AnyRow | OsUpdatePolicyRow | undefined): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    const { updateSources } = row as OsUpdatePolicyRow;
    return { ...presentColumns(SCHEMA, row), updateSources: updateSources?.split("|") ?? [], targetOs: null };
}

function presentWithTarget(store: EmfStore, row: AnyRow | OsUpdatePolicyRow | undefined): Answer {
    const target = (row as OsUpdatePolicyRow | undefined)?.targetOs;
    return {
        ...presentPolicy(row),
        targetOs: target === undefined ? null : presentOs(store.find("os", target)),
    };
}

function toMessage({ body }: Call): Message {
    const sources = body.updateSources as string[] | undefined;
    requirePattern("updatePackages", body.updatePackages, PACKAGES);
    return compact({
        ...pick(body, ["name", "description", "updatePackages", "updateKernelCommand", "updatePolicy"]),
        updateSources: sources?.length ? sources.join("|") : undefined,
        targetOs: pick(body, ["targetOsId"]).targetOsId,
    });
}

/** OS update policies (`os-update-policies`); they cannot be changed. */
export const osUpdatePolicies: Handlers = {
    ListOSUpdatePolicy: (call) =>
        answerList(call, "osupdatepolicy", "osUpdatePolicies", (row) => presentWithTarget(call.store, row)),
    CreateOSUpdatePolicy: (call) =>
        presentWithTarget(call.store, call.store.create("osupdatepolicy", call.tenantId, toMessage(call))),
    GetOSUpdatePolicy: (call) => presentWithTarget(call.store, getRow(call, "osupdatepolicy")),
    DeleteOSUpdatePolicy: removeRow,
};

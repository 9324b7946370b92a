import type { InstanceRow } from "../inventory/rows";
import type { EmfStore } from "../store";
import { presentAccount } from "./accounts";
import { presentCustomConfig } from "./customConfigs";
import { presentOs } from "./osProfiles";
import { presentPolicy } from "./osUpdatePolicies";
import { presentColumns, type Answer } from "./present";

/** An instance's own fields, with nothing of what it points to. */
export function presentBareInstance(row: InstanceRow): Answer {
    return {
        ...presentColumns("InstanceResource", row),
        instanceID: row.resourceId,
        host: null,
        os: null,
        localaccount: null,
        customConfig: [],
    };
}

/** Adds what an answer shows of the OS profile and the update policy. */
export function withOs(store: EmfStore, row: InstanceRow, answer: Answer): Answer {
    const policy = row.osUpdatePolicy;
    return {
        ...answer,
        os: presentOs(store.find("os", row.os)),
        osID: row.os,
        updatePolicy: policy === undefined ? null : presentPolicy(store.find("osupdatepolicy", policy)),
    };
}

/** Adds the SSH account. */
export function withAccount(store: EmfStore, row: InstanceRow, answer: Answer): Answer {
    if (row.localaccount === undefined) return answer;
    const account = presentAccount(store.find("localaccount", row.localaccount));
    return { ...answer, localaccount: account, localAccountID: row.localaccount };
}

/** Adds the cloud-init configs; lists leave them out. */
export function withConfigs(store: EmfStore, row: InstanceRow, answer: Answer): Answer {
    const ids = row.customConfig ?? [];
    return {
        ...answer,
        customConfig: ids.map((id) => presentCustomConfig(store.find("customconfig", id))),
        customConfigID: [...ids],
    };
}

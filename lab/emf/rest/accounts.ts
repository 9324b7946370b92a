import type { AnyRow, LocalAccountRow } from "../inventory/rows";
import type { Handlers } from "./call";
import { getRow, removeRow } from "./crud";
import { answerList } from "./lists";
import { pick } from "./messages";
import { emptyAnswer, neverUpdated, presentColumns, type Answer } from "./present";

const SCHEMA = "LocalAccountResource";

/** An SSH account as the API answers it. */
export function presentAccount(row: AnyRow | LocalAccountRow | undefined): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    return { ...presentColumns(SCHEMA, row), localAccountID: row.resourceId, timestamps: neverUpdated(row) };
}

/** SSH accounts (`localAccounts`); they cannot be changed. */
export const accounts: Handlers = {
    ListLocalAccounts: (call) => answerList(call, "localaccount", "localAccounts", presentAccount),
    CreateLocalAccount: ({ store, tenantId, body }) =>
        presentAccount(store.create("localaccount", tenantId, pick(body, ["username", "sshKey"]))),
    GetLocalAccount: (call) => presentAccount(getRow(call, "localaccount")),
    DeleteLocalAccount: removeRow,
};

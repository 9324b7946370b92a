import type { AnyRow, ProviderRow } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import type { Call, Handlers } from "./call";
import { requireUriReferences } from "./constraints";
import { getRow, removeRow } from "./crud";
import { answerList } from "./lists";
import { compact, pick } from "./messages";
import { emptyAnswer, neverUpdated, presentColumns, type Answer } from "./present";

const SCHEMA = "ProviderResource";

/** A provider as the API answers it. */
export function presentProvider(row: AnyRow | ProviderRow | undefined): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    const { apiCredentials } = row as ProviderRow;
    return {
        ...presentColumns(SCHEMA, row),
        apiCredentials: apiCredentials?.split("|") ?? [],
        providerID: row.resourceId,
        timestamps: neverUpdated(row),
    };
}

function toMessage(call: Call): Message {
    const { body } = call;
    const credentials = body.apiCredentials as string[] | undefined;
    requireUriReferences(call, ["apiEndpoint"]);
    return compact({
        ...pick(body, ["providerKind", "providerVendor", "name", "apiEndpoint", "config"]),
        apiCredentials: credentials?.length ? credentials.join("|") : undefined,
    });
}

/** Providers (`providers`); they cannot be changed. */
export const providers: Handlers = {
    ListProviders: (call) => answerList(call, "provider", "providers", presentProvider),
    CreateProvider: (call) => presentProvider(call.store.create("provider", call.tenantId, toMessage(call))),
    GetProvider: (call) => presentProvider(getRow(call, "provider")),
    DeleteProvider: removeRow,
};

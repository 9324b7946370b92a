import type { AnyRow, SiteRow } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import type { EmfStore } from "../store";
import type { Call, Handlers } from "./call";
import { getRow, removeRow, updateRow } from "./crud";
import { inheritedBySite } from "./inherited";
import { answerList } from "./lists";
import { compact, patchMask, pick } from "./messages";
import { emptyAnswer, presentColumns, presentMetadata, storedMetadata, type Answer } from "./present";
import { presentRegion } from "./regions";

const SCHEMA = "SiteResource";

const UPDATABLE = {
    name: "name",
    siteLat: "siteLat",
    siteLng: "siteLng",
    metadata: "metadata",
    regionId: "region",
};

/** A site as the API answers it where its region was not read along. */
export function presentBareSite(row: SiteRow): Answer {
    return {
        ...presentColumns(SCHEMA, row),
        siteID: row.resourceId,
        region: presentRegion(undefined),
        provider: null,
        metadata: presentMetadata(row.metadata),
    };
}

/** A site as the API answers it. */
export function presentSite(store: EmfStore, row: AnyRow | SiteRow | undefined): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    const { region } = row as SiteRow;
    if (region === undefined) return presentBareSite(row);
    return { ...presentBareSite(row), region: presentRegion(store.find("region", region)), regionId: region };
}

function presentRead(store: EmfStore, row: AnyRow | undefined): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    return { ...presentSite(store, row), inheritedMetadata: inheritedBySite(store, row) };
}

/** The region in the path plays no part; that in the body counts. */
function toMessage({ body }: Call): Message {
    return compact({
        ...pick(body, ["name", "siteLat", "siteLng"]),
        metadata: storedMetadata(body.metadata),
        region: pick(body, ["regionId"]).regionId,
    });
}

/** Sites (`sites`, `regions/{regionId}/sites`). */
export const sites: Handlers = {
    ListSites: (call) => answerList(call, "site", "sites", (row) => presentRead(call.store, row)),
    CreateSite: (call) => presentSite(call.store, call.store.create("site", call.tenantId, toMessage(call))),
    GetSite: (call) => presentRead(call.store, getRow(call, "site")),
    UpdateSite: (call) =>
        presentSite(call.store, updateRow(call, "site", toMessage(call), Object.values(UPDATABLE))),
    PatchSite: (call) =>
        presentSite(call.store, updateRow(call, "site", toMessage(call), patchMask(call, UPDATABLE))),
    DeleteSite: removeRow,
};

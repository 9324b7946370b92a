import type { AnyRow, RegionRow } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import type { EmfStore } from "../store";
import type { Call, Handlers } from "./call";
import { getRow, removeRow, updateRow } from "./crud";
import { inheritedByRegion } from "./inherited";
import { answerList, flagParameter } from "./lists";
import { compact, patchMask, pick } from "./messages";
import { emptyAnswer, presentColumns, presentMetadata, storedMetadata, type Answer } from "./present";

const SCHEMA = "RegionResource";

const UPDATABLE = { name: "name", parentId: "parentRegion", metadata: "metadata" };

/**
 * A region as the API answers it where it is nested: what is above it is left out. A region that is not there is an
 * empty one, not null.
 */
export function presentRegion(row: AnyRow | RegionRow | undefined): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    return {
        ...presentColumns(SCHEMA, row),
        regionID: row.resourceId,
        parentRegion: emptyAnswer(SCHEMA),
        metadata: presentMetadata((row as RegionRow).metadata),
    };
}

function presentWithParent(store: EmfStore, row: AnyRow | undefined): Answer {
    const parent = (row as RegionRow | undefined)?.parentRegion;
    if (!row || parent === undefined) return presentRegion(row);
    return {
        ...presentRegion(row),
        parentRegion: presentRegion(store.find("region", parent)),
        parentId: parent,
    };
}

/** Only what is read, not what was just written, comes with inherited metadata. */
function presentRead(store: EmfStore, row: AnyRow | undefined): Answer {
    if (!row) return presentRegion(row);
    return { ...presentWithParent(store, row), inheritedMetadata: inheritedByRegion(store, row) };
}

function presentListed(call: Call, row: AnyRow): Answer {
    const answer = presentRead(call.store, row);
    if (flagParameter(call.query, "showTotalSites"))
        answer.totalSites = countSites(call.store, row.resourceId);
    return answer;
}

/** The sites of a region and of all regions below it. */
function countSites(store: EmfStore, regionId: string): number {
    const children = store.referencing("region", "parentRegion", regionId);
    return children.reduce(
        (count, { resourceId }) => count + countSites(store, resourceId),
        store.referencing("site", "region", regionId).length,
    );
}

function toMessage({ body }: Call): Message {
    return compact({
        name: pick(body, ["name"]).name,
        metadata: storedMetadata(body.metadata),
        parentRegion: pick(body, ["parentId"]).parentId,
    });
}

/** Regions (`regions`). */
export const regions: Handlers = {
    ListRegions: (call) => answerList(call, "region", "regions", (row) => presentListed(call, row)),
    CreateRegion: (call) => {
        const { resourceId } = call.store.create("region", call.tenantId, toMessage(call));
        return presentWithParent(call.store, call.store.locate(resourceId, call.tenantId).row);
    },
    GetRegion: (call) => presentRead(call.store, getRow(call, "region")),
    UpdateRegion: (call) =>
        presentWithParent(call.store, updateRow(call, "region", toMessage(call), Object.values(UPDATABLE))),
    PatchRegion: (call) =>
        presentWithParent(call.store, updateRow(call, "region", toMessage(call), patchMask(call, UPDATABLE))),
    DeleteRegion: removeRow,
};

import type { AnyRow, OsRow } from "../inventory/rows";
import type { Message } from "../inventory/rules";
import type { Call, Handlers } from "./call";
import { requireUriReferences } from "./constraints";
import { getRow, removeRow, updateRow } from "./crud";
import { answerList } from "./lists";
import { patchMask, pick } from "./messages";
import { emptyAnswer, presentColumns, type Answer } from "./present";

const SCHEMA = "OperatingSystemResource";

const STORED = [
    "name",
    "architecture",
    "imageUrl",
    "imageId",
    "sha256",
    "profileName",
    "installedPackagesUrl",
    "securityFeature",
    "osType",
    "osProvider",
    "description",
    "metadata",
    "tlsCaCert",
    "existingCvesUrl",
    "fixedCvesUrl",
];

/** What an update can name. `name` is among them although it is immutable, so that naming it is an error. */
const UPDATABLE = { name: "name", architecture: "architecture", metadata: "metadata" };

const URI_REFERENCES = ["installedPackagesUrl", "existingCvesUrl", "fixedCvesUrl"];

/** An OS profile as the API answers it. */
export function presentOs(row: OsRow | undefined): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    return { ...presentColumns(SCHEMA, row), osResourceID: row.resourceId };
}

function toMessage(call: Call): Message {
    requireUriReferences(call, URI_REFERENCES);
    return pick(call.body, STORED);
}

const present = (row: AnyRow | undefined): Answer => presentOs(row);

/** OS profiles (`compute/os`, `compute/operating_systems`). */
export const osProfiles: Handlers = {
    ListOperatingSystems: (call) => answerList(call, "os", "OperatingSystemResources", present),
    CreateOperatingSystem: (call) => presentOs(call.store.create("os", call.tenantId, toMessage(call))),
    GetOperatingSystem: (call) => present(getRow(call, "os")),
    UpdateOperatingSystem: (call) =>
        present(updateRow(call, "os", toMessage(call), Object.values(UPDATABLE))),
    PatchOperatingSystem: (call) =>
        present(updateRow(call, "os", toMessage(call), patchMask(call, UPDATABLE))),
    DeleteOperatingSystem: removeRow,
};

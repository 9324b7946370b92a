import type { AnyRow, CustomConfigRow } from "../inventory/rows";
import type { Handlers } from "./call";
import { getRow, removeRow } from "./crud";
import { answerList } from "./lists";
import { pick } from "./messages";
import { emptyAnswer, neverUpdated, presentColumns, type Answer } from "./present";

const SCHEMA = "CustomConfigResource";

/** A cloud-init config as the API answers it. */
export function presentCustomConfig(row: AnyRow | CustomConfigRow | undefined): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    return { ...presentColumns(SCHEMA, row), timestamps: neverUpdated(row) };
}

/** Cloud-init configs (`customConfigs`); they cannot be changed, and their content is not looked at. */
export const customConfigs: Handlers = {
    ListCustomConfigs: (call) => answerList(call, "customconfig", "customConfigs", presentCustomConfig),
    CreateCustomConfig: ({ store, tenantId, body }) =>
        presentCustomConfig(
            store.create("customconfig", tenantId, pick(body, ["name", "config", "description"])),
        ),
    GetCustomConfig: (call) => presentCustomConfig(getRow(call, "customconfig")),
    DeleteCustomConfig: removeRow,
};

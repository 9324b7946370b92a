import type { HostRow, InstanceRow } from "../inventory/rows";
import type { EmfStore } from "../store";
import { presentParts } from "./hostParts";
import { inheritedByHost } from "./inherited";
import { presentBareInstance, withOs } from "./instanceAnswers";
import { emptyAnswer, presentColumns, presentMetadata, type Answer } from "./present";
import { presentProvider } from "./providers";
import { presentBareSite, presentSite } from "./sites";

const SCHEMA = "HostResource";

/** How much of a host's surroundings an answer shows; that differs by where the host appears. */
type View = "written" | "read" | "listed";

/** A host as the API answers it: nothing inherited after a write, no region of the site in a list. */
export function presentHost(store: EmfStore, row: HostRow | undefined, view: View): Answer {
    if (!row) return emptyAnswer(SCHEMA);
    const instance = store.instanceOf(row.resourceId);
    return {
        ...presentOwn(store, row),
        ...presentParts(store, row.resourceId),
        ...siteOf(store, row, view === "listed"),
        instance: instance ? presentInstance(store, instance, view) : null,
        inheritedMetadata: view === "written" ? [] : inheritedByHost(store, row),
    };
}

/** A host inside an instance: without hardware and instance; with its site only when the instance is read. */
export function presentNestedHost(store: EmfStore, row: HostRow, withSite: boolean): Answer {
    const own = presentOwn(store, row);
    return withSite ? { ...own, ...siteOf(store, row, true) } : { ...own, provider: null };
}

function presentInstance(store: EmfStore, row: InstanceRow, view: View): Answer {
    return view === "written" ? presentBareInstance(row) : withOs(store, row, presentBareInstance(row));
}

function presentOwn(store: EmfStore, row: HostRow): Answer {
    const provider = row.provider === undefined ? undefined : store.find("provider", row.provider);
    return {
        ...presentColumns(SCHEMA, row),
        memoryBytes: String(row.memoryBytes ?? 0),
        // EMF shows the power status' indicator for the AMT status, too.
        amtStatusIndicator: row.powerStatusIndicator ?? "STATUS_INDICATION_UNSPECIFIED",
        site: null,
        provider: provider ? presentProvider(provider) : null,
        metadata: presentMetadata(row.metadata),
    };
}

function siteOf(store: EmfStore, row: HostRow, bare: boolean): Answer {
    const site = row.site === undefined ? undefined : store.find("site", row.site);
    if (!site) return { site: null, siteId: "" };
    return { site: bare ? presentBareSite(site) : presentSite(store, site), siteId: site.resourceId };
}

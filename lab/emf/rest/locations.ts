import { EmfError } from "../errors";
import type { AnyRow, RegionRow, SiteRow } from "../inventory/rows";
import { listRows } from "../query/list";
import type { EmfStore } from "../store";
import type { Call, Handlers } from "./call";
import { flagParameter, parameter } from "./lists";

/** More than this many matches of a kind are counted but not shown. */
const MAX_MATCHES = 50;

interface Node {
    readonly resourceId: string;
    readonly parentId: string;
    readonly name: string;
    readonly type: "RESOURCE_KIND_REGION" | "RESOURCE_KIND_SITE";
}

/** Finds regions and sites by name, and answers them with all regions above, sites first. */
function listLocations(call: Call): Record<string, unknown> {
    const { query } = call;
    const name = parameter(query, "name") ?? "";
    const wantRegions = flagParameter(query, "showRegions");
    const wantSites = flagParameter(query, "showSites");
    if (name === "" || !(wantRegions || wantSites)) {
        throw new EmfError("InvalidArgument", "GetLocationsParams incorrectly provided");
    }
    const regions = find(call, "region", name, wantRegions);
    const sites = find(call, "site", name, wantSites);
    return {
        nodes: tree(call.store, regions.rows as RegionRow[], sites.rows as SiteRow[]),
        totalElements: regions.totalElements + sites.totalElements,
        outputElements: regions.rows.length + sites.rows.length,
    };
}

function find({ store, tenantId }: Call, kind: "region" | "site", name: string, wanted: boolean) {
    if (!wanted) return { rows: [] as AnyRow[], totalElements: 0 };
    const request = { filter: `name = "${name}"`, orderBy: "name asc", pageSize: MAX_MATCHES, offset: 0 };
    return listRows(store, kind, tenantId, request);
}

function tree(store: EmfStore, regions: readonly RegionRow[], sites: readonly SiteRow[]): Node[] {
    const depths = new Map<string, { row: RegionRow; depth: number }>();
    for (const row of regions) collect(store, row.resourceId, depths);
    for (const { region } of sites) if (region !== undefined) collect(store, region, depths);
    const ordered = [...depths.values()].sort((a, b) => b.depth - a.depth);
    return [
        ...sites.map((row): Node => node(row, row.region, "RESOURCE_KIND_SITE")),
        ...ordered.map(({ row }): Node => node(row, row.parentRegion, "RESOURCE_KIND_REGION")),
    ];
}

function node(row: RegionRow | SiteRow, parentId: string | undefined, type: Node["type"]): Node {
    return { resourceId: row.resourceId, parentId: parentId ?? "", name: row.name ?? "", type };
}

/** Adds a region and those above it with their depth; returns the depth. */
function collect(
    store: EmfStore,
    id: string,
    depths: Map<string, { row: RegionRow; depth: number }>,
): number {
    const known = depths.get(id);
    if (known) return known.depth;
    const row = store.find("region", id);
    if (!row) return -1;
    const depth = row.parentRegion === undefined ? 0 : collect(store, row.parentRegion, depths) + 1;
    depths.set(id, { row, depth });
    return depth;
}

/** The tree of regions and sites (`locations`). */
export const locations: Handlers = { ListLocations: listLocations };

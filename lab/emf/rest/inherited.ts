import type { MetadataItem } from "../inventory/metadata";
import type { HostRow, RegionRow, SiteRow } from "../inventory/rows";
import type { EmfStore } from "../store";
import { presentMetadata } from "./present";

/** The metadata of the regions above, nearest first. */
function regionLayers(store: EmfStore, regionId: string | undefined): (string | undefined)[] {
    const layers: (string | undefined)[] = [];
    let region = regionId === undefined ? undefined : store.find("region", regionId);
    while (region) {
        layers.push(region.metadata);
        region = region.parentRegion === undefined ? undefined : store.find("region", region.parentRegion);
    }
    return layers;
}

/** What a region inherits from the regions above it. */
export function inheritedByRegion(store: EmfStore, region: RegionRow): MetadataItem[] {
    return inherit(region.metadata, regionLayers(store, region.parentRegion));
}

/** What a site inherits from its regions. */
export function inheritedBySite(store: EmfStore, site: SiteRow): MetadataItem[] {
    return inherit(site.metadata, regionLayers(store, site.region));
}

/** What a host inherits from its site and the regions above. */
export function inheritedByHost(store: EmfStore, host: HostRow): MetadataItem[] {
    const site = host.site === undefined ? undefined : store.find("site", host.site);
    return inherit(host.metadata, site ? [site.metadata, ...regionLayers(store, site.region)] : []);
}

/** Own keys hide inherited ones, near ones hide far ones. */
function inherit(own: string | undefined, layers: readonly (string | undefined)[]): MetadataItem[] {
    const hidden = new Set(presentMetadata(own).map(({ key }) => key));
    const inherited: MetadataItem[] = [];
    for (const item of layers.flatMap(presentMetadata)) {
        if (hidden.has(item.key)) continue;
        hidden.add(item.key);
        inherited.push(item);
    }
    return inherited;
}

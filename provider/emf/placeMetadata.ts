import type { MetadataItem } from "./api";
import { EMF_CLAIM_KEY } from "./claims";

/** Metadata as regions, sites and hosts have it: a list of pairs, of which a program declares some keys. */

export function claimOf(items: readonly MetadataItem[]): string | undefined {
    return items.find((item) => item.key === EMF_CLAIM_KEY)?.value;
}

/**
 * The items to write: foreign keys stay as they are, declared ones get their value, and those that the program
 * declared before and no longer does go.
 */
export function mergeMetadata(
    present: readonly MetadataItem[],
    declared: Readonly<Record<string, string>>,
    before: Readonly<Record<string, string>>,
    claim: string,
): MetadataItem[] {
    const wanted: Readonly<Record<string, string>> = { ...declared, [EMF_CLAIM_KEY]: claim };
    const kept = present.flatMap(({ key, value }) => {
        if (Object.hasOwn(wanted, key)) return [{ key, value: wanted[key] ?? "" }];
        return Object.hasOwn(before, key) ? [] : [{ key, value }];
    });
    const there = new Set(kept.map(({ key }) => key));
    const added = Object.entries(wanted).flatMap(([key, value]) => (there.has(key) ? [] : [{ key, value }]));
    return [...kept, ...added];
}

/** What is there of the declared keys, for a read; undefined where none are declared. */
export function declaredMetadata(
    present: readonly MetadataItem[],
    declared: Readonly<Record<string, string>> | undefined,
): Record<string, string> | undefined {
    if (declared === undefined) return undefined;
    const found = present.filter(({ key }) => Object.hasOwn(declared, key));
    return Object.fromEntries(found.map(({ key, value }) => [key, value]));
}

export function sameItems(a: readonly MetadataItem[], b: readonly MetadataItem[]): boolean {
    const text = (items: readonly MetadataItem[]): string =>
        JSON.stringify(items.map(({ key, value }) => [key, value]).sort());
    return text(a) === text(b);
}

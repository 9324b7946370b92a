import { dependenciesOf, references, type ResourceState } from "./resource";
import { providerUrn } from "./urn";

/**
 * The rows after `root` that depend on it, directly or through others, in list order. Parents do not count.
 * @param ignored URNs that are left out, with all that depends only on them
 */
export function dependents(
    rows: readonly ResourceState[],
    root: ResourceState,
    ignored: ReadonlySet<string>,
): ResourceState[] {
    const reached = new Set([root.urn]);
    const result: ResourceState[] = [];
    for (const row of rows.slice(rows.indexOf(root) + 1)) {
        const needs = [
            ...dependenciesOf(row),
            ...(row.provider === undefined ? [] : [providerUrn(row.provider)]),
        ];
        if (!ignored.has(row.urn) && needs.some((urn) => reached.has(urn))) {
            reached.add(row.urn);
            result.push(row);
        }
    }
    return result;
}

/**
 * The condemned rows in layers, first layer first: no row stands in the same layer as, or a later one than, a row it
 * needs. What depends on a component depends on all its children too.
 * @param rows the whole state; a row needs only what stands before it
 */
export function deleteLayers(
    rows: readonly ResourceState[],
    condemned: ReadonlySet<ResourceState>,
): ResourceState[][] {
    const positions = indexBy(rows, (row) => row.urn);
    const children = indexBy(rows, (row) => row.parent ?? "");
    const levels = new Map<number, number>();
    const layers: ResourceState[][] = [];

    const neededBy = (row: ResourceState): Set<number> => {
        const needed = new Set<number>();
        for (const urn of references(row)) {
            for (const position of positions.get(urn) ?? []) {
                needed.add(position);
                if (urn !== row.parent && rows[position]?.custom === false) {
                    for (const child of descendants(urn)) {
                        needed.add(child);
                    }
                }
            }
        }
        return needed;
    };
    const descendants = (urn: string, found = new Set<number>()): Set<number> => {
        for (const position of children.get(urn) ?? []) {
            if (!found.has(position)) {
                found.add(position);
                descendants(rows[position]?.urn ?? "", found);
            }
        }
        return found;
    };

    rows.forEach((row, position) => {
        if (!condemned.has(row)) {
            return;
        }
        let level = 0;
        for (const needed of neededBy(row)) {
            if (needed < position) {
                level = Math.max(level, (levels.get(needed) ?? -1) + 1);
            }
        }
        levels.set(position, level);
        (layers[level] ??= []).push(row);
    });
    return layers.reverse();
}

function indexBy(rows: readonly ResourceState[], key: (row: ResourceState) => string): Map<string, number[]> {
    const index = new Map<string, number[]>();
    rows.forEach((row, position) => {
        const list = index.get(key(row));
        if (list === undefined) {
            index.set(key(row), [position]);
        } else {
            list.push(position);
        }
    });
    return index;
}

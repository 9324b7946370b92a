import { invalid } from "./errors";

/** The largest page, whatever is asked for. */
const PAGE = 50;

interface StringCondition {
    operator?: string;
    negation?: boolean;
    ignoreCase?: boolean;
    match?: { conjunction?: "and" | "or"; values?: string[] };
}

interface FilterItem {
    property?: string;
    condition?: { string?: StringCondition };
}

export interface SearchFilter {
    conjunction?: "and" | "or";
    filterGroups?: { conjunction?: "and" | "or"; filters?: FilterItem[] }[];
}

/** Whether an object, given by the texts of its properties, passes a filter. */
export function matches(filter: SearchFilter | undefined, valuesOf: (property: string) => string[]): boolean {
    const groups = filter?.filterGroups ?? [];
    return joined(filter?.conjunction, groups, ({ conjunction, filters = [] }) =>
        joined(conjunction, filters, (item) => matchesItem(item, valuesOf)),
    );
}

function matchesItem(
    { property = "", condition }: FilterItem,
    valuesOf: (property: string) => string[],
): boolean {
    const { operator = "eq", negation, ignoreCase, match } = condition?.string ?? {};
    const compare = COMPARISONS[operator];
    if (!compare) throw invalid(`there is no operator '${operator}'`);
    const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
    const values = valuesOf(property).map(fold);
    const found = joined(match?.conjunction, match?.values ?? [], (wanted) =>
        values.some((value) => compare(value, fold(wanted))),
    );
    return negation ? !found : found;
}

const COMPARISONS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
    eq: (value, wanted) => value === wanted,
    contains: (value, wanted) => value.includes(wanted),
    beginsWith: (value, wanted) => value.startsWith(wanted),
};

/** Nothing to join passes everything. */
function joined<T>(
    conjunction: "and" | "or" = "and",
    parts: readonly T[],
    test: (part: T) => boolean,
): boolean {
    return parts.length === 0 || (conjunction === "or" ? parts.some(test) : parts.every(test));
}

interface ListMeta {
    continue: string;
    count: number;
    limit: number;
    offset: number;
}

/** One page, with the token of the next one where there is more. */
export function page<T>(items: readonly T[], query: URLSearchParams): { items: T[]; listmeta: ListMeta } {
    const asked = Number(query.get("limit") ?? PAGE);
    const limit = asked > 0 ? Math.min(asked, PAGE) : PAGE;
    const token = query.get("continue");
    const offset = token ? offsetOf(token) : Number(query.get("offset") ?? 0);
    const end = offset + limit;
    const next = end < items.length ? Buffer.from(`offset:${end}`).toString("base64url") : "";
    const listmeta = { continue: next, count: items.length, limit, offset };
    return { items: items.slice(offset, end), listmeta };
}

function offsetOf(token: string): number {
    const offset = /^offset:(\d+)$/.exec(Buffer.from(token, "base64url").toString("utf8"))?.[1];
    if (offset === undefined) throw invalid("the continue token is not valid");
    return Number(offset);
}

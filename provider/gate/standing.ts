/** Where a host stands on its way to a phase. */
export interface Standing {
    /** `pending`: nobody has switched the machine on yet, or it is held back on purpose. */
    state: "ready" | "working" | "pending" | "failed";
    /** In a few words, for `1 provisioning 4/9: streaming OS image`; a failure in the system's own words. */
    doing: string;
    detail?: string;
    /** Of a failed host: what was found, one by one. */
    faults?: readonly string[];
}

/** `2/3 running, 1 provisioning 4/9: streaming OS image`: one line for many hosts. */
export function summarize(standings: ReadonlyMap<string, Standing>, until: string): string {
    const entries = [...standings];
    const of = (state: Standing["state"]): [string, Standing][] =>
        entries.filter(([, standing]) => standing.state === state);
    const doings = [...new Set(of("working").map(([, { doing }]) => doing))];
    const parts = doings.map((doing) => {
        const group = of("working").filter(([, standing]) => standing.doing === doing);
        return `${group.length} ${doing}${leastOf(group)}`;
    });
    const pending = of("pending").length;
    const failures = of("failed");
    if (pending > 0) parts.push(`${pending} pending`);
    const [first] = failures;
    if (first) parts.push(`${failures.length} failed (${first[0]}: ${first[1].doing})`);
    return [`${of("ready").length}/${entries.length} ${until}`, ...parts].join(", ");
}

/** More lines than this nobody reads; the rest is counted. */
const MOST_LINES = 100;
/** So many names fit into a line or two. */
const MOST_NAMES = 50;

/** Every host's state as a table, the unready ones a line each, the failed ones first. */
export function report(standings: ReadonlyMap<string, Standing>, until: string): string[] {
    const order = ["failed", "working", "pending"];
    const unready = [...standings]
        .filter(([, { state }]) => state !== "ready")
        .sort(([, a], [, b]) => order.indexOf(a.state) - order.indexOf(b.state));
    const shown = unready.slice(0, MOST_LINES);
    const width = Math.max(0, ...shown.map(([label]) => label.length)) + 1;
    const lines = shown.flatMap(([label, standing]) => lineOf(label, standing, width));
    const left = unready.length - shown.length;
    if (left > 0) lines.push(`  … and ${left} more like these`);
    const ready = [...standings].filter(([, { state }]) => state === "ready").map(([label]) => label);
    if (ready.length > MOST_NAMES) lines.push(`  ${until}: ${ready.length} others`);
    else if (ready.length > 0) lines.push(`  ${until}: ${ready.join(", ")}`);
    return lines;
}

function lineOf(label: string, { state, doing, detail, faults = [] }: Standing, width: number): string[] {
    const text = [doing, detail].filter(Boolean).join(" ");
    const name = `${label}:`.padEnd(width);
    return [
        `  ${name} ${state === "working" || text === state ? text : `${state}: ${text}`}`,
        ...faults.map((fault) => `      - ${fault}`),
    ];
}

export function ready(phase: string): Standing {
    return { state: "ready", doing: phase };
}

export function failed(text: string): Standing {
    return { state: "failed", doing: text };
}

export function working(doing: string, detail: string): Standing {
    return detail === "" ? { state: "working", doing } : { state: "working", doing, detail };
}

/** The one that is furthest behind stands for its group. */
function leastOf(group: readonly [string, Standing][]): string {
    const detailed = group.filter(([, { detail }]) => detail !== undefined);
    const [last] = detailed.sort(([, a], [, b]) => stepOf(a) - stepOf(b));
    if (!last) return "";
    const [label, { detail = "" }] = last;
    return group.length === 1 ? ` ${detail}` : ` (${label} ${detail})`;
}

function stepOf({ detail = "" }: Standing): number {
    return Number(/^\d+/.exec(detail)?.[0] ?? 0);
}

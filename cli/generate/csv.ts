import { HOSTS_CSV_HEADER } from "../../components/hostsCsv";
import type { Resource } from "./plan";

type Column = (typeof HOSTS_CSV_HEADER)[number];

/** The hosts as orch-cli's CSV, without the columns at the end that are empty for all. */
export function hostsCsv(hosts: readonly Resource[], text: ReadonlyMap<string, string>): string {
    const rows = hosts.map(({ args }) => cellsOf(args, (id) => text.get(id) ?? id));
    const used = HOSTS_CSV_HEADER.map((column) => rows.some((row) => (row[column] ?? "") !== ""));
    const columns = HOSTS_CSV_HEADER.slice(0, used.lastIndexOf(true) + 1);
    const lines = rows.map((row) => columns.map((column) => quoted(row[column] ?? "")).join(","));
    return `${[columns.join(","), ...lines].join("\n")}\n`;
}

function cellsOf(
    args: Readonly<Record<string, unknown>>,
    name: (id: string) => string,
): Partial<Record<Column, string>> {
    const text = (value: unknown): string => (typeof value === "string" ? value : "");
    const configs = Array.isArray(args.customConfigs) ? args.customConfigs : [];
    return {
        Serial: text(args.serial),
        UUID: text(args.uuid),
        OSProfile: name(text(args.osProfile)),
        Site: name(text(args.site)),
        Secure: args.securityFeature === undefined ? "" : "true",
        RemoteUser: name(text(args.localAccount)),
        Metadata: Object.entries(args.metadata ?? {})
            .map(([key, value]) => `${key}=${String(value)}`)
            .join("&"),
        LVMSize: typeof args.lvmSizeGb === "number" ? String(args.lvmSizeGb) : "",
        CloudInitMeta: configs.map((id) => name(String(id))).join("&"),
    };
}

/** As orch-cli writes cells that a spreadsheet would take for a formula; the readers know it. */
function quoted(cell: string): string {
    const safe = /^[=+\-@]/.test(cell) ? `'${cell}` : cell;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The form of orch-cli's CSV of hosts: shared by the reader of such files and the writer of those with errors. */

/** Columns of the file that `orch-cli create host --generate-csv` writes, in its order. */
export const HOSTS_CSV_HEADER = [
    "Serial",
    "UUID",
    "OSProfile",
    "Site",
    "Secure",
    "RemoteUser",
    "Metadata",
    "LVMSize",
    "CloudInitMeta",
    "K8sEnable",
    "K8sClusterTemplate",
    "K8sConfig",
    "Error - do not fill",
] as const;

export type HostsCsvColumn = (typeof HOSTS_CSV_HEADER)[number];

/** orch-cli puts an apostrophe before cells a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@]/;

/** One line of the file. Every record is one line of text: what looks at lines need not know quotes. */
export function csvLine(cells: readonly string[]): string {
    return cells
        .map((cell) => cell.replace(/\s*[\r\n]+\s*/g, " ").trim())
        .map((cell) => (FORMULA.test(cell) ? `'${cell}` : cell))
        .map((cell) => (/[",]/.test(cell) ? `"${cell.replace(/"/g, '""')}"` : cell))
        .join(",");
}

/** A cell as it was before it was protected. */
export function unprotected(cell: string): string {
    return cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell;
}

import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "csv-parse/sync";
import { HOSTS_CSV_HEADER, unprotected, type HostsCsvColumn } from "../provider/emf/hostsCsvForm";
import { metadataProblem, SERIAL, SERIAL_RULE, UUID, UUID_RULE } from "../provider/emf/hostRules";

export { HOSTS_CSV_HEADER };

/** A device of the file. Empty cells are absent. */
export interface HostRow {
    /** Line of the file on which the row begins; the header is line 1. */
    line: number;
    serial?: string;
    /** In lower case. */
    uuid?: string;
    /** Name or `os-…` id. */
    osProfile?: string;
    /** Name or `site-…` id. */
    site?: string;
    /** Secure boot and full-disk encryption. */
    secure?: boolean;
    /** Name or id of the local account. */
    remoteUser?: string;
    metadata: Record<string, string>;
    lvmSizeGb?: number;
    /** Names or ids of custom configs. */
    cloudInit: string[];
}

/** One thing that is wrong with the file. */
export interface CsvProblem {
    line: number;
    /** Absent where the whole line is meant. */
    column?: string;
    message: string;
}

/** The file's devices, and everything that is wrong with it; the rows are complete only without problems. */
export interface ParsedHosts {
    rows: HostRow[];
    problems: CsvProblem[];
}

/** A file this large is not a list of hosts. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Text of the file, whose path starts at the program's folder. Throws an Error whose message is meant for the user.
 */
export function readHostsCsv(file: string, folder: string = process.cwd()): string {
    const full = path.resolve(folder, file);
    try {
        const { size } = fs.statSync(full);
        if (size > MAX_BYTES) {
            throw new Error(`${file} is ${size} bytes large; a CSV of hosts is at most ${MAX_BYTES}`);
        }
        return new TextDecoder("utf-8", { fatal: true }).decode(fs.readFileSync(full));
    } catch (error) {
        throw new Error(unreadable(file, error));
    }
}

function unreadable(file: string, error: unknown): string {
    const code = (error as NodeJS.ErrnoException).code;
    switch (code) {
        case "ENOENT":
            return `there is no file ${file} (paths start at the folder of the program); orch-cli create host --generate-csv writes an empty one`;
        case "EISDIR":
            return `${file} is a folder, not a CSV file`;
        case "EACCES":
            return `${file} may not be read: permission denied`;
        case "ERR_ENCODING_INVALID_ENCODED_DATA":
            return `${file} is not UTF-8 text; save it as "CSV UTF-8"`;
        default:
            return error instanceof Error ? error.message : String(error);
    }
}

/** Reads the text of an `orch-cli` CSV. All problems are found at once. */
export function parseHostsCsv(text: string): ParsedHosts {
    const records = split(text);
    if (!Array.isArray(records)) return { rows: [], problems: [records] };
    const [header, ...body] = records;
    if (!header) return { rows: [], problems: [{ line: 1, message: `is empty; ${headerRule()}` }] };
    const wrong = headerProblem(header);
    if (wrong) return { rows: [], problems: [wrong] };

    const problems: CsvProblem[] = [];
    const width = header.cells.length;
    problems.push(...cutOff(text, records));
    const rows = body.map(({ line, cells }) => {
        if (cells.slice(width).some((cell) => cell !== "")) {
            problems.push({ line, message: `has ${cells.length} cells, the header only ${width}` });
        }
        return readRow(line, cells.slice(0, width), problems);
    });
    if (rows.length === 0) problems.push({ line: 2, message: "no hosts follow the header" });
    problems.push(...duplicates(rows, "Serial", (row) => row.serial));
    problems.push(...duplicates(rows, "UUID", (row) => row.uuid));
    return { rows, problems: problems.sort((a, b) => a.line - b.line) };
}

/** A row that lost its end would put a host at no site, or be read as another machine's. */
function cutOff(text: string, [, ...rows]: readonly CsvRecord[]): CsvProblem[] {
    const before = rows[rows.length - 2];
    const last = rows[rows.length - 1];
    if (!before || !last || /[\r\n]$/.test(text)) return [];
    // Only tools give every row all its cells; who writes by hand leaves out what is empty.
    const { length } = HOSTS_CSV_HEADER;
    if (before.cells.length < length || last.cells.length >= length) return [];
    const message =
        `ends after ${count(last.cells.length)}, without a line break, where the row before has ` +
        `${length}: the file may have been cut off here. Restore it, or end the line`;
    return [{ line: last.line, message }];
}

function count(cells: number): string {
    return cells === 1 ? "1 cell" : `${cells} cells`;
}

/** One line a problem, in the form `line 3, Serial: …`. */
export function formatCsvProblems(problems: readonly CsvProblem[]): string {
    return problems
        .map(({ line, column, message }) => `  line ${line}${column ? `, ${column}` : ""}: ${message}`)
        .join("\n");
}

interface CsvRecord {
    line: number;
    cells: string[];
}

function split(text: string): CsvRecord[] | CsvProblem {
    // The parser takes the first line break it meets as that of the whole file, and editors mix them.
    const unified = text.replace(/\r\n?/g, "\n");
    try {
        const parsed = parse(unified, {
            bom: true,
            info: true,
            raw: true,
            relax_column_count: true,
            skip_empty_lines: true,
            record_delimiter: "\n",
        }) as unknown as { record: string[]; raw: string; info: { lines: number } }[];
        return parsed
            .map(({ record, raw, info }) => ({
                line: firstLine(raw, info.lines),
                cells: record.map((cell) => unprotected(cell.trim())),
            }))
            .filter(({ cells }) => cells.some((cell) => cell !== ""));
    } catch (error) {
        const { lines, message } = error as { lines?: number; message: string };
        return { line: lines ?? 1, message: `is not CSV: ${message}` };
    }
}

/** The parser counts the line a record ends on; quoted cells may hold line breaks. */
function firstLine(raw: string, lastLine: number): number {
    return lastLine - (raw.trim().match(/\n/g)?.length ?? 0);
}

function headerRule(): string {
    return `its first line must be ${HOSTS_CSV_HEADER.join(",")} (trailing columns may be left out)`;
}

function headerProblem({ line, cells }: CsvRecord): CsvProblem | undefined {
    const names = [...cells];
    while (names[names.length - 1] === "") names.pop();
    const at = names.findIndex((name, i) => name !== HOSTS_CSV_HEADER[i]);
    if (at >= 0) {
        const expected = HOSTS_CSV_HEADER[at];
        if (cells.length === 1 && names[0]?.includes(";")) {
            const message = `the cells are separated by ";": save the file with commas (in a spreadsheet: "CSV UTF-8, comma delimited")`;
            return { line, message };
        }
        const reason = expected ? `must be ${JSON.stringify(expected)}` : "is one column too many";
        return {
            line,
            message: `column ${at + 1} of the header, ${JSON.stringify(names[at])}, ${reason}; ${headerRule()}`,
        };
    }
    cells.length = names.length;
    return undefined;
}

function readRow(line: number, cells: readonly string[], problems: CsvProblem[]): HostRow {
    const cell = (column: HostsCsvColumn): string | undefined => {
        const text = cells[HOSTS_CSV_HEADER.indexOf(column)];
        return text === "" ? undefined : text;
    };
    const problem = (column: HostsCsvColumn | undefined, message: string): void => {
        problems.push(column === undefined ? { line, message } : { line, column, message });
    };
    const matching = (column: HostsCsvColumn, form: RegExp, rule: string): string | undefined => {
        const value = cell(column);
        if (value !== undefined && !form.test(value)) problem(column, `${JSON.stringify(value)} ${rule}`);
        return value;
    };

    const serial = matching("Serial", SERIAL, SERIAL_RULE);
    const uuid = matching("UUID", UUID, UUID_RULE)?.toLowerCase();
    if (serial === undefined && uuid === undefined) problem(undefined, "needs a Serial, a UUID or both");
    const secure = matching("Secure", /^(true|false)$/i, "must be true or false");
    const lvmSize = matching("LVMSize", /^\d{1,9}$/, "must be a whole number of GB");
    refuse("K8sEnable", cell, problem);
    const error = cell("Error - do not fill");
    if (error !== undefined) {
        problem(
            "Error - do not fill",
            `is not empty: ${JSON.stringify(error)}; orch-cli refuses such a file too: correct the row, then clear the cell`,
        );
    }

    const row: HostRow = {
        line,
        metadata: readMetadata(cell("Metadata"), (message) => problem("Metadata", message)),
        cloudInit: (cell("CloudInitMeta") ?? "")
            .split("&")
            .map((name) => name.trim())
            .filter((name) => name !== ""),
    };
    const optional = {
        serial,
        uuid,
        osProfile: cell("OSProfile"),
        site: cell("Site"),
        remoteUser: cell("RemoteUser"),
        secure: secure === undefined ? undefined : secure.toLowerCase() === "true",
        lvmSizeGb: lvmSize === undefined ? undefined : Number(lvmSize),
    };
    const present = Object.entries(optional).filter(([, value]) => value !== undefined);
    return Object.assign(row, Object.fromEntries(present));
}

function refuse(
    column: "K8sEnable",
    cell: (column: HostsCsvColumn) => string | undefined,
    problem: (column: HostsCsvColumn, message: string) => void,
): void {
    const value = cell(column)?.toLowerCase();
    if (value === undefined || value === "false") return;
    problem(
        column,
        value === "true"
            ? "true asks for a Kubernetes cluster, which this package does not create: set it to false, and create " +
                  "the cluster from a cluster template once the host runs (orch-cli create cluster)"
            : `${JSON.stringify(cell(column))} must be false or empty`,
    );
}

function readMetadata(text: string | undefined, problem: (message: string) => void): Record<string, string> {
    const metadata: Record<string, string> = {};
    for (const item of (text ?? "").split("&").filter((part) => part.trim() !== "")) {
        const [key = "", ...rest] = item.trim().split("=");
        if (rest.length !== 1) {
            problem(`${JSON.stringify(item)} must have the form key=value; items are joined by &`);
            continue;
        }
        const value = rest[0] ?? "";
        const wrong = Object.hasOwn(metadata, key)
            ? `the key ${JSON.stringify(key)} stands there twice`
            : metadataProblem(key, value);
        if (wrong) problem(wrong);
        else metadata[key] = value;
    }
    return metadata;
}

function duplicates(
    rows: readonly HostRow[],
    column: HostsCsvColumn,
    valueOf: (row: HostRow) => string | undefined,
): CsvProblem[] {
    return repeated(rows, valueOf).map(([row, earlier]) => ({
        line: row.line,
        column,
        message: `${JSON.stringify(valueOf(row))} stands on line ${earlier.line} too; each device has one row`,
    }));
}

/** What has the value of an earlier one, with that one; upper and lower case are one value. */
export function repeated<T>(
    items: readonly T[],
    valueOf: (item: T) => string | undefined,
): [item: T, earlier: T][] {
    const first = new Map<string, T>();
    return items.flatMap((item): [T, T][] => {
        const value = valueOf(item)?.toLowerCase();
        if (value === undefined) return [];
        const earlier = first.get(value);
        if (earlier !== undefined) return [[item, earlier]];
        first.set(value, item);
        return [];
    });
}

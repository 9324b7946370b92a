import * as path from "node:path";
import { formatCsvProblems, parseHostsCsv, readHostsCsv, type HostRow } from "../components/hostsCsv";
import { deviceLabel } from "../provider/emf/hostRules";
import { parseWords, type Command } from "./command";
import { count, tally } from "./table";

const HELP = `usage: edge-os emf csv check FILE [--json]

Reads a CSV of hosts as HostFleet does (the file of orch-cli create host --generate-csv) and tells everything that is
wrong with it, each with line and column. Asks nothing of EMF: whether profiles and sites of these names exist is
seen at preview. Exit code 1 when something is wrong.`;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const { flags, given } = parseWords(words, { json: { type: "boolean" } }, ["FILE"]);
        const file = given.FILE;
        const { rows, problems } = parseHostsCsv(readHostsCsv(file, terminal.cwd));
        const wrong = problems.length > 0;
        if (flags.json) {
            const content = wrong ? { problems } : { problems, ...summaryOf(rows), rows };
            terminal.out(`${JSON.stringify({ file, ...content }, undefined, 4)}\n`);
        } else if (wrong) {
            terminal.err(
                `${path.basename(file)} has ${count(problems.length, "problem")}:\n${formatCsvProblems(problems)}\n`,
            );
        } else {
            terminal.out(`${textOf(file, rows)}\n`);
        }
        return wrong ? 1 : 0;
    },
};

interface Summary {
    hosts: number;
    osProfiles: Record<string, number>;
    sites: Record<string, number>;
    localAccounts: Record<string, number>;
    customConfigs: Record<string, number>;
    /** Devices that are only known by one of both. */
    withoutSerial: number;
    withoutUuid: number;
}

/** Empty cells count under "": the fleet's own value is used there. */
function summaryOf(rows: readonly HostRow[]): Summary {
    const times = (valueOf: (row: HostRow) => readonly (string | undefined)[]): Record<string, number> =>
        Object.fromEntries(tally(rows.flatMap(valueOf).map((value) => value ?? "")));
    return {
        hosts: rows.length,
        osProfiles: times(({ osProfile }) => [osProfile]),
        sites: times(({ site }) => [site]),
        localAccounts: times(({ remoteUser }) => (remoteUser === undefined ? [] : [remoteUser])),
        customConfigs: times(({ cloudInit }) => cloudInit),
        withoutSerial: rows.filter(({ serial }) => serial === undefined).length,
        withoutUuid: rows.filter(({ uuid }) => uuid === undefined).length,
    };
}

function textOf(file: string, rows: readonly HostRow[]): string {
    const { hosts, withoutSerial, withoutUuid, ...named } = summaryOf(rows);
    const ends = [...new Set([...rows.slice(0, 1), ...rows.slice(-1)].map(deviceLabel))];
    const range = ends.length > 0 ? ` (${ends.join(" to ")})` : "";
    const lines = [`${path.basename(file)}: ${count(hosts, "host")}${range}, nothing is wrong`];
    const titles: [keyof typeof named, string, string][] = [
        ["osProfiles", "OS profiles", "no cell: the fleet's osProfile"],
        ["sites", "sites", "no cell: the fleet's site, if it has one"],
        ["localAccounts", "local accounts", ""],
        ["customConfigs", "custom configs", ""],
    ];
    for (const [key, title, absent] of titles) {
        const values = Object.entries(named[key]);
        if (values.length === 0) continue;
        const shown = values.map(([value, times]) => `${value === "" ? `(${absent})` : value} × ${times}`);
        lines.push(`  ${title}: ${shown.join(", ")}`);
    }
    if (withoutUuid > 0) lines.push(`  without UUID: ${withoutUuid}`);
    if (withoutSerial > 0) lines.push(`  without serial: ${withoutSerial}`);
    return lines.join("\n");
}

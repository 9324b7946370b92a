import { deviceLabel, SERIAL, SERIAL_RULE, UUID, UUID_RULE } from "../provider/emf/hostRules";
import type { FleetHost, HostSettings } from "./fleetSettings";
import { formatCsvProblems, parseHostsCsv, readHostsCsv, repeated, type HostRow } from "./hostsCsv";

/** Where the hosts of a fleet come from, and what else is said of each. */
export interface HostSources {
    csv?: string;
    csvText?: string;
    hosts?: readonly FleetHost[];
    overrides?: Readonly<Record<string, HostSettings>>;
}

/** A host of the fleet, with what was said of it alone. */
export interface FleetMember {
    serial?: string;
    /** In lower case. */
    uuid?: string;
    /** What its row or entry says. */
    given: HostSettings;
    /** What the program says beside it; wins. */
    override: HostSettings;
    /** The cells of its row that are not settings: kept for the file of failed hosts. */
    row?: HostRow;
}

/** How a device is called in names and lists: upper and lower case of a serial number make no other device. */
export function memberLabel({ serial, uuid }: { serial?: string; uuid?: string }): string {
    return serial?.toUpperCase() ?? deviceLabel({ uuid });
}

/** The hosts of a fleet, and everything that is wrong with what describes them. */
export function readHosts(
    sources: HostSources,
    needsProfile: boolean,
): { hosts: FleetMember[]; faults: string[] } {
    const { csv, csvText, hosts, overrides = {} } = sources;
    const faults: string[] = [];
    const given = [csv, csvText, hosts].filter((source) => source !== undefined);
    if (given.length !== 1) {
        return {
            hosts: [],
            faults: ["needs one of csv, the path of a file, csvText, its text, or hosts, a list"],
        };
    }
    const parsed = hosts ? fromList(hosts) : fromCsv(sources);
    const members = parsed.members;
    addOverrides(members, overrides, faults);
    const profileless = needsProfile
        ? members.filter(({ given, override }) => (override.osProfile ?? given.osProfile) === undefined)
        : [];
    return { hosts: members, faults: [...parsed.faults(profileless), ...faults] };
}

interface Parsed {
    members: FleetMember[];
    /** What is wrong with the source, together with the members that lack an OS profile. */
    faults(profileless: readonly FleetMember[]): string[];
}

function fromCsv({ csv, csvText }: HostSources): Parsed {
    let text: string;
    try {
        text = csvText ?? readHostsCsv(csv ?? "");
    } catch (error) {
        return { members: [], faults: () => [(error as Error).message] };
    }
    const { rows, problems } = parseHostsCsv(text);
    return {
        members: rows.map((row) => ({ ...deviceOf(row), given: settingsOf(row), override: {}, row })),
        faults(profileless) {
            const missing = profileless.map(({ row }) => ({
                line: row?.line ?? 1,
                column: "OSProfile",
                message: "is empty, and the fleet has no osProfile",
            }));
            const inFile = [...problems, ...missing].sort((x, y) => x.line - y.line);
            if (inFile.length === 0) return [];
            const count = inFile.length === 1 ? "a problem" : `${inFile.length} problems`;
            return [`${csv ?? "csvText"} has ${count}:\n${formatCsvProblems(inFile)}`];
        },
    };
}

/** What the cells of a row mean for its EdgeHost. */
function settingsOf(row: HostRow): HostSettings {
    return {
        ...(row.osProfile === undefined ? {} : { osProfile: row.osProfile }),
        ...(row.site === undefined ? {} : { site: row.site }),
        ...(row.remoteUser === undefined ? {} : { localAccount: row.remoteUser }),
        ...(row.cloudInit.length === 0 ? {} : { customConfigs: row.cloudInit }),
        ...(row.lvmSizeGb === undefined ? {} : { lvmSizeGb: row.lvmSizeGb }),
        ...(row.secure === undefined
            ? {}
            : { securityFeature: row.secure ? "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" : "NONE" }),
        metadata: row.metadata,
    };
}

function fromList(hosts: readonly FleetHost[]): Parsed {
    const members = hosts.map(({ serial, uuid, ...given }) => ({
        ...deviceOf({ serial, uuid: uuid?.toLowerCase() }),
        given,
        override: {},
    }));
    return {
        members,
        faults(profileless) {
            const missing = profileless.map(
                (member) => `hosts[${members.indexOf(member)}] has no osProfile, and the fleet has none`,
            );
            return [...listFaults(hosts), ...missing];
        },
    };
}

function listFaults(hosts: readonly FleetHost[]): string[] {
    if (hosts.length === 0) return ["hosts is empty"];
    const malformed = hosts.flatMap(({ serial, uuid }, i) => {
        const at = `hosts[${i}]`;
        if (serial === undefined && uuid === undefined) return [`${at} needs serial, uuid or both`];
        return [
            ...(serial === undefined || SERIAL.test(serial)
                ? []
                : [`${at}.serial: ${JSON.stringify(serial)} ${SERIAL_RULE}`]),
            ...(uuid === undefined || UUID.test(uuid)
                ? []
                : [`${at}.uuid: ${JSON.stringify(uuid)} ${UUID_RULE}`]),
        ];
    });
    const twice = (["serial", "uuid"] as const).flatMap((name) =>
        repeated(hosts, (host) => host[name]).map(
            ([host, earlier]) =>
                `hosts[${hosts.indexOf(host)}].${name}: ${JSON.stringify(host[name])} is that of ` +
                `hosts[${hosts.indexOf(earlier)}] too; each device stands there once`,
        ),
    );
    return [...malformed, ...twice];
}

function deviceOf({ serial, uuid }: { serial?: string | undefined; uuid?: string | undefined }): {
    serial?: string;
    uuid?: string;
} {
    return { ...(serial === undefined ? {} : { serial }), ...(uuid === undefined ? {} : { uuid }) };
}

function addOverrides(
    members: readonly FleetMember[],
    overrides: Readonly<Record<string, HostSettings>>,
    faults: string[],
): void {
    const byName = new Map<string, FleetMember>();
    for (const member of members) {
        for (const name of [member.serial, member.uuid]) if (name) byName.set(name.toLowerCase(), member);
    }
    const overridden = new Map<FleetMember, string>();
    for (const [name, settings] of Object.entries(overrides)) {
        const member = byName.get(name.toLowerCase());
        const other = member && overridden.get(member);
        if (!member) {
            faults.push(`overrides: no host has the serial number or UUID ${JSON.stringify(name)}`);
        } else if (other !== undefined) {
            faults.push(`overrides: ${JSON.stringify(other)} and ${JSON.stringify(name)} are one host`);
        } else {
            overridden.set(member, name);
            member.override = settings;
        }
    }
}

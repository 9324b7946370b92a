import * as pulumi from "@pulumi/pulumi";
import { EdgeHost } from "../provider/emf/edgeHost";
import { deviceLabel } from "../provider/emf/hostRules";
import { ProvisioningGate } from "../provider/emf/provisioningGate";
import { formatCsvProblems, parseHostsCsv, readHostsCsv, type HostRow, type ParsedHosts } from "./hostsCsv";
import { planWaves, type Wave } from "./waves";

/** A resource of the program that cells of the CSV may mean by its name: an OsProfile, a Site. */
export interface NamedResource {
    readonly id: pulumi.Output<string>;
    readonly name: pulumi.Output<string>;
}

export interface HostFleetArgs {
    /**
     * Path of the CSV that `orch-cli create host --generate-csv` writes, from the program's folder. Either this or
     * `csvText` is needed.
     */
    csv?: string;
    /** Text of such a CSV, for lists that come from elsewhere. */
    csvText?: string;
    /**
     * The OS profile of hosts whose OSProfile cell is empty or names it: an OsProfile, an `os-…` id or an exact name.
     * Another name in a cell is looked up in EMF.
     */
    osProfile?: pulumi.Input<string> | NamedResource;
    /**
     * The site of hosts whose Site cell is empty or names it: a Site, a `site-…` id or an exact name. Another name
     * in a cell is looked up in EMF, where only one site may have it. Default: those hosts have none.
     */
    site?: pulumi.Input<string> | NamedResource;
    /** Metadata of every host; a row's own cell wins. */
    metadata?: Record<string, pulumi.Input<string>>;
    /**
     * Of hosts whose Secure cell is empty: `NONE` or `SECURE_BOOT_AND_FULL_DISK_ENCRYPTION`. Default: `NONE`, as with
     * orch-cli.
     */
    securityFeature?: pulumi.Input<string>;
    /** Which hosts come up together; the next wave begins when one is through. Default: all hosts in one. */
    waves?: Wave[];
    /** How far a wave has to come: `registered`, `onboarded`, `provisioned` or `running`. Default: `running`. */
    until?: pulumi.Input<string>;
    /** So many hosts of a wave may fail. Default: 0. */
    maxFailed?: pulumi.Input<number>;
    /** Machines that have never booted: `skip` or `wait`. Default: `skip`. */
    pending?: pulumi.Input<string>;
    /** How long a wave may take, for example `90m`. Default: `2h`. */
    timeLimit?: string;
    /** Let machines onboard as soon as they boot. Default: true, as with orch-cli. */
    autoOnboard?: pulumi.Input<boolean>;
    /** Take over machines that are registered already. Default: false. */
    adopt?: pulumi.Input<boolean>;
    /** `allow` lets a change erase disks; see EdgeHost. Default: `refuse`. */
    reimage?: pulumi.Input<string>;
    /** See EdgeHost. */
    connection?: pulumi.Input<string>;
    /** See EdgeHost. */
    project?: pulumi.Input<string>;
}

/** What a fleet consists of. Nothing in it changes by itself. */
export interface FleetSummary {
    hosts: number;
    waves: WaveSummary[];
}

export interface WaveSummary {
    /** Name of the wave's gate. */
    name: string;
    count: number;
    /** Serial numbers, else UUIDs. */
    hosts: string[];
}

/**
 * Brings up the hosts of an `orch-cli` CSV in waves. Each row becomes an EdgeHost named `<fleet>-<serial, else uuid>`,
 * each wave a ProvisioningGate named `<fleet>-wave-<n>`; the hosts of a wave wait for the gate of the one before. All
 * faults of the file and of the waves are reported together, before anything is registered.
 *
 * @example
 * ```ts
 * const stores = new components.HostFleet("stores", {
 *     csv: "hosts.csv",
 *     osProfile: profile,
 *     waves: [{ count: 1 }, { percent: 20 }, { rest: true }],
 * });
 * ```
 */
export class HostFleet extends pulumi.ComponentResource {
    /** The hosts, wave by wave. */
    readonly summary: pulumi.Output<FleetSummary>;

    constructor(name: string, args: HostFleetArgs, opts?: pulumi.ComponentResourceOptions) {
        super("edge-os:index:HostFleet", name, {}, opts);
        const waves = plan(this, args);
        const summaries: WaveSummary[] = [];
        let before: ProvisioningGate | undefined;
        waves.forEach((rows, i) => {
            // A wave may be empty where the file has fewer hosts than the waves foresee; the others keep their numbers.
            if (rows.length === 0) return;
            const gateName = `${name}-wave-${i + 1}`;
            // Never on a list of hosts or the component: the engine writes every dependency into every row.
            const after = before ? { dependsOn: [before] } : {};
            const hosts = rows.map((row) => ({
                label: deviceLabel(row),
                host: new EdgeHost(`${name}-${deviceLabel(row)}`, hostArgs(row, args), {
                    parent: this,
                    aliases: otherNames(name, row),
                    ...after,
                }),
            }));
            before = new ProvisioningGate(
                gateName,
                {
                    ...present({
                        connection: args.connection,
                        project: args.project,
                        until: args.until,
                        maxFailed: args.maxFailed,
                        pending: args.pending,
                    }),
                    hosts: hosts.map(({ label, host }) => ({
                        label,
                        hostId: host.hostId,
                        instanceId: host.instanceId,
                    })),
                },
                { parent: this, ...timeouts(args.timeLimit) },
            );
            summaries.push({
                name: gateName,
                count: hosts.length,
                hosts: hosts.map(({ label }) => label),
            });
        });
        const count = summaries.reduce((sum, wave) => sum + wave.count, 0);
        this.summary = pulumi.output({ hosts: count, waves: summaries });
        this.registerOutputs({ summary: this.summary });
    }
}

/** The rows of each wave. Everything that is wrong is one error, told without a stack. */
function plan(fleet: HostFleet, args: HostFleetArgs): HostRow[][] {
    const faults: string[] = [];
    const { rows, problems } = readRows(args, faults);
    const profileless = args.osProfile === undefined ? rows.filter((row) => row.osProfile === undefined) : [];
    const missing = profileless.map(({ line }) => ({
        line,
        column: "OSProfile",
        message: "is empty, and the fleet has no osProfile",
    }));
    const inFile = [...problems, ...missing].sort((a, b) => a.line - b.line);
    if (inFile.length > 0) {
        const count = inFile.length === 1 ? "a problem" : `${inFile.length} problems`;
        faults.push(`${args.csv ?? "csvText"} has ${count}:\n${formatCsvProblems(inFile)}`);
    }
    const planned = planWaves(args.waves, rows);
    faults.push(...planned.problems);
    if (faults.length > 0) throw new pulumi.ResourceError(faults.join("\n"), fleet, true);
    return planned.waves;
}

function readRows(args: HostFleetArgs, faults: string[]): ParsedHosts {
    const none = { rows: [], problems: [] };
    if ((args.csv === undefined) === (args.csvText === undefined)) {
        faults.push("needs either csv, the path of a file, or csvText");
        return none;
    }
    try {
        return parseHostsCsv(args.csvText ?? readHostsCsv(args.csv ?? ""));
    } catch (error) {
        faults.push((error as Error).message);
        return none;
    }
}

function hostArgs(row: HostRow, args: HostFleetArgs): ConstructorParameters<typeof EdgeHost>[1] {
    const metadata = { ...args.metadata, ...row.metadata };
    return present({
        connection: args.connection,
        project: args.project,
        serial: row.serial,
        uuid: row.uuid,
        site: reference(row.site, args.site),
        osProfile: reference(row.osProfile, args.osProfile),
        metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
        securityFeature: securityFeature(row) ?? args.securityFeature,
        localAccount: row.remoteUser,
        customConfigs: row.cloudInit.length > 0 ? row.cloudInit : undefined,
        lvmSizeGb: row.lvmSizeGb,
        autoOnboard: args.autoOnboard,
        adopt: args.adopt,
        reimage: args.reimage,
    });
}

/** What a cell means: the program's own resource, where it is empty or names that; else what EMF has. */
function reference(
    cell: string | undefined,
    given: pulumi.Input<string> | NamedResource | undefined,
): pulumi.Input<string> | undefined {
    if (given === undefined || !isNamedResource(given)) return cell ?? given;
    if (cell === undefined) return given.id;
    return pulumi.all([given.name]).apply(([name]) => (name === cell ? given.id : pulumi.output(cell)));
}

function isNamedResource(given: pulumi.Input<string> | NamedResource): given is NamedResource {
    return (
        typeof given === "object" &&
        !pulumi.Output.isInstance(given) &&
        !(given instanceof Promise) &&
        "id" in given
    );
}

function securityFeature(row: HostRow): string | undefined {
    if (row.secure === undefined) return undefined;
    return row.secure ? "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" : "NONE";
}

/** A row that was known by its UUID alone keeps its resource when the serial number is filled in. */
function otherNames(fleet: string, { serial, uuid }: HostRow): pulumi.Alias[] {
    return serial !== undefined && uuid !== undefined ? [{ name: `${fleet}-${uuid}` }] : [];
}

function timeouts(limit: string | undefined): pulumi.CustomResourceOptions {
    return limit === undefined ? {} : { customTimeouts: { create: limit, update: limit } };
}

/** Leaves out what is undefined. */
function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
    const given = Object.entries(values).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

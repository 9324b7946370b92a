import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { EmfTargetArgs } from "../provider/emf/args";
import { EdgeHost, type EdgeHostArgs } from "../provider/emf/edgeHost";
import { FleetRoster } from "../provider/emf/fleetRoster";
import { ProvisioningGate } from "../provider/emf/provisioningGate";
import { gateErrorFile } from "./errorRows";
import { memberLabel, readHosts, type FleetMember } from "./fleetHosts";
import type { FleetGateArgs, FleetHost, HostSettings, NamedResources, Reference } from "./fleetSettings";
import { cellOr, idOf, imageOf } from "./references";
import { planWaves, type Wave } from "./waves";

/**
 * A fleet: its hosts, what all of them have in common, and how they are brought up. For each host the first of these
 * that says something counts: its override, its wave's OS profile, its row or entry, the fleet's own value.
 */
export interface HostFleetArgs
    extends Omit<HostSettings, "name">, FleetGateArgs, NamedResources, EmfTargetArgs {
    /**
     * Path of the CSV that `orch-cli create host --generate-csv` writes, from the program's folder. One of this,
     * `csvText` and `hosts` is needed.
     */
    csv?: string;
    /** Text of such a CSV, for lists that come from elsewhere. */
    csvText?: string;
    /** The hosts, where they are not in a CSV. */
    hosts?: FleetHost[];
    /**
     * What is different for single hosts, by serial number or UUID: anything an EdgeHost takes. Metadata is added to
     * that of the row; everything else takes its place.
     */
    overrides?: Record<string, HostSettings>;
    /**
     * The OS profile of hosts whose OSProfile cell is empty or names it: an OsProfile, an `os-…` id or an exact name.
     * Another name in a cell is one of `osProfiles`, or looked up in EMF.
     */
    osProfile?: Reference;
    /**
     * The site of hosts whose Site cell is empty or names it: a Site, a `site-…` id or an exact name. Another name
     * in a cell is one of `sites`, or looked up in EMF, where only one site may have it. Default: those hosts have
     * none.
     */
    site?: Reference;
    /** Metadata of every host; a row's own cell wins. */
    metadata?: Record<string, pulumi.Input<string>>;
    /**
     * Which hosts come up together; the next wave begins when one is through, and not at all when one has failed.
     * Default: all hosts in one.
     */
    waves?: Wave[];
    /**
     * So many hosts may be gone from the list since the last run. More are refused in the preview, because a file
     * that was cut off would delete a fleet. Several runs within a week that together remove more are warned of.
     * Default: the larger of 5 hosts and 10 %.
     */
    maxRemovals?: pulumi.Input<number>;
}

/** What a fleet consists of. Nothing in it changes by itself. */
export interface FleetSummary {
    /** How many, over all waves. */
    hosts: number;
    /** In the order in which they come up. */
    waves: WaveSummary[];
}

/** One wave of a fleet. */
export interface WaveSummary {
    /** Name of the wave's gate. */
    name: string;
    /** How many hosts. */
    count: number;
    /** Serial numbers, else UUIDs. */
    hosts: string[];
}

/**
 * Brings up the hosts of an `orch-cli` CSV, or of a list, in waves. Each host becomes an EdgeHost named
 * `<fleet>-<serial, else uuid>`, each wave a ProvisioningGate named `<fleet>-wave-<n>`; the hosts of a wave wait for
 * the gate of the one before. All faults of the file and of the waves are reported together, before anything is
 * registered.
 *
 * A wave with a failed host fails with the state of all its hosts, and writes the failed ones as
 * `import_error_<fleet>-wave-<n>_<csv>` into the program's folder: their rows, with the reason in orch-cli's error
 * column. The next wave stays as it is. The file goes when the wave succeeds.
 *
 * A FleetRoster named `<fleet>-roster` refuses a list that has lost more than `maxRemovals` hosts.
 *
 * @example
 * ```ts
 * const stores = new components.HostFleet("stores", {
 *     csv: "hosts.csv",
 *     osProfile: profile,
 *     sites: { "store 17": store17 },
 *     waves: [{ count: 1 }, { percent: 20 }, { rest: true }],
 *     overrides: { SN00042: { osProfile: "ubuntu-with-gpu" } },
 * });
 * ```
 */
export class HostFleet extends pulumi.ComponentResource {
    /** The hosts, wave by wave. */
    readonly summary: pulumi.Output<FleetSummary>;

    constructor(name: string, args: HostFleetArgs, opts?: pulumi.ComponentResourceOptions) {
        super("edge-os:index:HostFleet", name, {}, opts);
        const waves = plan(this, args);
        const roster = new FleetRoster(
            `${name}-roster`,
            { ...present({ maxRemovals: args.maxRemovals }), devices: devicesOf(waves.flat()) },
            { parent: this },
        );
        const summaries: WaveSummary[] = [];
        let before: pulumi.CustomResource = roster;
        waves.forEach((members, i) => {
            // A wave may be empty where the file has fewer hosts than the waves foresee; the others keep their numbers.
            if (members.length === 0) return;
            const gateName = `${name}-wave-${i + 1}`;
            const wave = new FleetWave(this, name, gateName, args, args.waves?.[i]);
            before = wave.gate(wave.hosts(members, before));
            summaries.push({ name: gateName, count: members.length, hosts: members.map(memberLabel) });
        });
        const count = summaries.reduce((sum, wave) => sum + wave.count, 0);
        this.summary = pulumi.output({ hosts: count, waves: summaries });
        this.registerOutputs({ summary: this.summary });
    }
}

/** The members of each wave. Everything that is wrong is one error, told without a stack. */
function plan(fleet: HostFleet, args: HostFleetArgs): FleetMember[][] {
    const { hosts, faults } = readHosts(args, needsProfile(args));
    const planned = planWaves(args.waves, hosts);
    faults.push(...planned.problems);
    if (faults.length > 0) throw new pulumi.ResourceError(faults.join("\n"), fleet, true);
    return planned.waves;
}

/** Hosts that are only registered or onboarded need nothing to install. */
function needsProfile({ osProfile, until, waves }: HostFleetArgs): boolean {
    if (osProfile !== undefined || until === "registered" || until === "onboarded") return false;
    return !waves?.every((wave) => wave.osProfile !== undefined);
}

function devicesOf(members: readonly FleetMember[]): Record<string, string> {
    return Object.fromEntries(
        members.map((member) => [
            memberLabel(member),
            member.serial === undefined ? "" : (member.uuid ?? ""),
        ]),
    );
}

interface WaveHost {
    member: FleetMember;
    settings: HostSettings;
    host: EdgeHost;
}

/** The resources of one wave. */
class FleetWave {
    constructor(
        private readonly parent: HostFleet,
        private readonly fleet: string,
        private readonly name: string,
        private readonly args: HostFleetArgs,
        private readonly wave: Wave | undefined,
    ) {}

    hosts(members: readonly FleetMember[], before: pulumi.CustomResource): WaveHost[] {
        const { fleet, parent } = this;
        return members.map((member) => {
            const settings = settingsOf(member, this.args, this.wave);
            const host = new EdgeHost(`${fleet}-${memberLabel(member)}`, this.hostArgs(member, settings), {
                parent,
                aliases: otherNames(fleet, member),
                // Never on a list of hosts or the component: the engine writes every dependency into every row.
                dependsOn: [before],
            });
            return { member, settings, host };
        });
    }

    gate(hosts: readonly WaveHost[]): ProvisioningGate {
        const { connection, project, until, maxFailed, pending, onTimeout, verify, timeLimit } = this.args;
        return new ProvisioningGate(
            this.name,
            {
                ...present({ connection, project, until, maxFailed, pending, onTimeout, verify }),
                hosts: hosts.map(({ member, host: { hostId, instanceId } }) => ({
                    label: memberLabel(member),
                    hostId,
                    instanceId,
                })),
                errorFile: gateErrorFile(
                    this.errorFile(),
                    hosts.map(({ member, settings }) => ({
                        label: memberLabel(member),
                        serial: member.serial,
                        uuid: member.uuid,
                        settings,
                    })),
                ),
            },
            { parent: this.parent, ...timeouts(timeLimit) },
        );
    }

    /** In orch-cli's files the time stands first; a name that stays is found again by the run that succeeds. */
    private errorFile(): string {
        const csv = this.args.csv === undefined ? `${this.fleet}.csv` : path.basename(this.args.csv);
        return `import_error_${this.name}_${csv}`.replace(/[^\w.-]/g, "-");
    }

    private hostArgs({ serial, uuid }: FleetMember, settings: HostSettings): EdgeHostArgs {
        const { connection, project, osProfiles, sites, remoteUsers, cloudInits } = this.args;
        const { osProfile, site, localAccount, customConfigs, ...others } = settings;
        return present({
            connection,
            project,
            serial,
            uuid,
            site: idOf(site, sites),
            osProfile: idOf(osProfile, osProfiles),
            // Only a preview can meet a profile that is not there yet, and no state has to name it.
            imageSha256: pulumi.runtime.isDryRun() ? imageOf(osProfile, osProfiles) : undefined,
            localAccount: idOf(localAccount, remoteUsers),
            customConfigs: customConfigs?.flatMap((config) => idOf(config, cloudInits) ?? []),
            ...others,
        });
    }
}

/** What counts for a host, out of what is said of all, of its wave, in its row, and of it alone. */
function settingsOf(
    { given, override }: FleetMember,
    args: HostFleetArgs,
    wave: Wave | undefined,
): HostSettings {
    const metadata = { ...args.metadata, ...given.metadata, ...override.metadata };
    return present({
        ...common(args),
        ...present(given),
        osProfile: wave?.osProfile ?? own(given.osProfile, args.osProfile, args.osProfiles),
        site: own(given.site, args.site, args.sites),
        ...present(override),
        metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
    });
}

function own(
    given: Reference | undefined,
    fleet: Reference | undefined,
    named: Readonly<Record<string, Reference>> | undefined,
): Reference | undefined {
    return given === undefined || typeof given === "string" ? cellOr(given, fleet, named) : given;
}

/** What the fleet says of every host. */
function common(args: HostFleetArgs): HostSettings {
    const { securityFeature, localAccount, customConfigs, lvmSizeGb, autoOnboard, enableVpro } = args;
    const { reimageToken, reimage, adopt } = args;
    return present({
        securityFeature,
        localAccount,
        customConfigs,
        lvmSizeGb,
        autoOnboard,
        enableVpro,
        reimageToken,
        reimage,
        adopt,
    });
}

/**
 * A host keeps its resource when its serial number is filled in, which then names it, and when the file spells that
 * in another way.
 */
function otherNames(fleet: string, { serial, uuid }: FleetMember): pulumi.Alias[] {
    if (serial === undefined) return [];
    const spelled = serial === serial.toUpperCase() ? [] : [{ name: `${fleet}-${serial}` }];
    return uuid === undefined ? spelled : [...spelled, { name: `${fleet}-${uuid}` }];
}

function timeouts(limit: string | undefined): pulumi.CustomResourceOptions {
    return limit === undefined ? {} : { customTimeouts: { create: limit, update: limit } };
}

/** Leaves out what is undefined. */
function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
    const given = Object.entries(values).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

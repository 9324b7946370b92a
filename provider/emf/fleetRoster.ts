import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";

/** The devices of a fleet, to be compared with those of the run before. */
export interface FleetRosterArgs {
    /**
     * The devices of the fleet: serial number, else UUID, and the UUID, empty where only the serial number is known.
     * What is filled in later, and upper or lower case, makes no other device. Changed in place.
     */
    devices: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * So many devices may be gone since the last run. Default: the larger of 5 devices and 10 %. Removals of several
     * runs within a week that add up to more are warned of. A change of it alone changes nothing.
     */
    maxRemovals?: pulumi.Input<number>;
}

/**
 * The list of a fleet's devices, kept so that the next run can compare: a list that lost more devices than
 * `maxRemovals` is refused in the preview, and in an update before anything is changed or deleted, because it is
 * more likely a truncated file than a wish. It asks nothing of EMF, and makes nothing there. Hosts that have to be
 * safe depend on it; a HostFleet has one, `<fleet>-roster`.
 *
 * @example
 * ```ts
 * const roster = new emf.FleetRoster("tills", { devices: { SN00001: "4c4c4544-0051-3010-8034-b6c04f4e3233", SN00002: "" } });
 * const till = new emf.EdgeHost("till-2", { serial: "SN00002" }, { dependsOn: roster });
 * ```
 */
export class FleetRoster extends EdgeResource {
    declare readonly devices: pulumi.Output<Record<string, string>>;

    constructor(name: string, args: FleetRosterArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "emf.FleetRoster", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = ["devices", "maxRemovals", "removals"] as const;

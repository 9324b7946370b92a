import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { PaletteProjectArgs } from "./args";

/** What to wait for, and what may go wrong. */
export interface HostGateArgs extends PaletteProjectArgs {
    /** Uids of the hosts to wait for. A change of the list waits anew. */
    hosts: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * How far the hosts have to come: `ready` (the machine has paired) or `healthy` (and its agent is well). Members of a
     * cluster are both. Default: `healthy`.
     */
    until?: pulumi.Input<string>;
    /** So many hosts may fail without failing the gate. Default: 0. */
    maxFailed?: pulumi.Input<number>;
    /**
     * What to do about machines that have never paired: `skip` does not wait for them, because they are often registered
     * days before somebody switches them on; `wait` does. Default: `skip`.
     */
    pending?: pulumi.Input<string>;
    /**
     * What happens when hosts are not there at the time limit: `fail` fails the gate, `warn` goes on without them and says
     * which. A change of it alone changes nothing. Default: `fail`.
     */
    onTimeout?: pulumi.Input<string>;
}

/**
 * Waits until many hosts have paired, in one row, with one line of progress. What depends on the gate starts when it is
 * through. It waits when it is made and when its inputs change, else not at all. A gate that fails leaves the hosts as
 * they are, and the next up waits again. The time limit is 2 hours unless `customTimeouts` says otherwise.
 *
 * @example
 * ```ts
 * const up = new palette.HostGate("store-17-up", { hosts: tills.map((till) => till.uid), pending: "wait" });
 * ```
 */
export class HostGate extends EdgeResource {
    /** Uids of the hosts. */
    declare readonly hosts: pulumi.Output<string[]>;
    declare readonly until: pulumi.Output<string>;

    constructor(name: string, args: HostGateArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "palette.HostGate", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "hosts",
    "until",
    "maxFailed",
    "pending",
    "onTimeout",
] as const;

import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { EmfTargetArgs } from "./args";

/** A host to wait for: an {@link EdgeHost}'s outputs, and how to call it. */
export interface GateHost {
    /** Names the host in messages: serial number, UUID or name. */
    label: pulumi.Input<string>;
    /** `host-…`. */
    hostId: pulumi.Input<string>;
    /** `inst-…`. Another instance is another installation, which is waited for again. */
    instanceId?: pulumi.Input<string | undefined>;
}

export interface ProvisioningGateArgs extends EmfTargetArgs {
    /** The hosts to wait for. A change of the list, or of an id in it, waits anew. */
    hosts: pulumi.Input<pulumi.Input<GateHost>[]>;
    /**
     * How far the hosts have to come: `registered`, `onboarded` (the machine has reported), `provisioned` (the OS is
     * installed) or `running` (it has reported after its first boot). Default: `running`.
     */
    until?: pulumi.Input<string>;
    /** So many hosts may fail without failing the gate. Default: 0. */
    maxFailed?: pulumi.Input<number>;
    /**
     * What to do about machines that have never booted: `skip` does not wait for them, because they are often
     * registered days before somebody switches them on; `wait` does. Default: `skip`.
     */
    pending?: pulumi.Input<string>;
    /**
     * Where to write the hosts that failed, in the form of orch-cli's error files. The file is there while the last
     * wait had failed hosts. A change of it alone changes nothing. Default: nowhere.
     */
    errorFile?: pulumi.Input<GateErrorFile>;
}

/** A CSV of failed hosts: the rows they came from, with the reason in the last column. */
export interface GateErrorFile {
    /** From the program's folder. */
    path: pulumi.Input<string>;
    /** By label: the host's line of the CSV without its last column, `Error - do not fill`. */
    rows: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/**
 * Waits until many hosts have come up, in one row, with one line of progress. What depends on the gate starts when it
 * is through. It waits when it is made and when its inputs change, else not at all. More failed hosts than `maxFailed`
 * fail it at once, with every host's state in the error; the next up waits again. The time limit is 2 hours unless
 * `customTimeouts` says otherwise.
 *
 * @example
 * ```ts
 * const up = new emf.ProvisioningGate("store-17-up", {
 *     hosts: tills.map((till, i) => ({ label: `till ${i}`, hostId: till.hostId, instanceId: till.instanceId })),
 * });
 * ```
 */
export class ProvisioningGate extends EdgeResource {
    declare readonly until: pulumi.Output<string>;
    declare readonly maxFailed: pulumi.Output<number>;
    declare readonly pending: pulumi.Output<string>;

    constructor(name: string, args: ProvisioningGateArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "emf.ProvisioningGate", properties: PROPERTIES }, name, { ...args }, opts);
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
    "errorFile",
] as const;

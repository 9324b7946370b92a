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

/** What to wait for, and what may go wrong. */
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
     * What happens when hosts are not there at the time limit: `fail` fails the gate, `warn` goes on without them and
     * says which. Failed hosts are `maxFailed`'s affair either way. A change of it alone changes nothing. Default:
     * `fail`.
     */
    onTimeout?: pulumi.Input<"fail" | "warn">;
    /**
     * What running hosts must be like. It is looked at once they are up, and again when the hosts, their instances or
     * these wishes change; every fault of every host is listed. A host that is not so counts as failed. Needs `until`
     * to be `running`. Default: nothing is looked at.
     */
    verify?: pulumi.Input<GateVerification>;
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

/** What to look at on running hosts: is it the OS that was meant, and is it set up as it was meant? */
export interface GateVerification {
    /**
     * The version that the OS calls itself in `/etc/os-release` (`24.04`, `24.04.1`, an image version). Without `ssh` it
     * is compared with what EMF shows: name or version of the OS profile it has installed.
     */
    osVersion?: pulumi.Input<string>;
    /** Files on every host; contents are compared, and never shown. */
    files?: pulumi.Input<pulumi.Input<GateFile>[]>;
    /** Commands that every host has to answer as it is expected to. */
    commands?: pulumi.Input<pulumi.Input<GateCommand>[]>;
    /** How to get into the hosts. Needed for `files` and `commands`. */
    ssh?: pulumi.Input<GateSsh>;
}

/** A file that must be on a host. */
export interface GateFile {
    /** Absolute. */
    path: pulumi.Input<string>;
    /** SHA-256 of its content, hexadecimal. Either this or `content`, or neither. */
    sha256?: pulumi.Input<string>;
    /** Its whole content. */
    content?: pulumi.Input<string>;
    /** A text that must be in its first MiB. */
    contains?: pulumi.Input<string>;
    /** Its permissions in octal, such as `0644`. */
    mode?: pulumi.Input<string>;
}

/** A command that a host must answer as expected. It is shown in messages, with the last line of its output. */
export interface GateCommand {
    /** For a POSIX shell; it has a minute. */
    run: pulumi.Input<string>;
    /** A JavaScript regular expression to be found in its standard output; `^` and `$` mean lines. Default: any output. */
    expect?: pulumi.Input<string>;
    /** Default: 0. */
    exitCode?: pulumi.Input<number>;
}

/**
 * How to get into hosts. The private key comes from `EDGE_OS_SSH_KEY`, from the file that `edge-os:ssh.keyFile` names,
 * or from an agent; it is never an input.
 */
export interface GateSsh {
    /** Default: `edge-os:ssh.user`. */
    user?: pulumi.Input<string>;
    /** Default: 22. */
    port?: pulumi.Input<number>;
    /** A machine to go through: `[user@]host[:port]`. Default: `edge-os:ssh.jump`, else none. */
    jump?: pulumi.Input<string>;
    /** Where hosts are, by label: `host[:port]`. Default: the addresses that hosts have told EMF. */
    addresses?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * Host keys by label or address, as `SHA256:…`. Default: `edge-os:ssh.hostKeys`; for other hosts the key that is
     * shown first is taken and must stay the same during the run.
     */
    hostKeys?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Look as root, by way of `sudo -n`. Default: false. */
    sudo?: pulumi.Input<boolean>;
    /** How long a host's SSH server may take to answer. Default: 120. */
    readyWithinSeconds?: pulumi.Input<number>;
}

/**
 * Waits until many hosts have come up, in one row, with one line of progress. What depends on the gate starts when it
 * is through. It waits when it is made and when its inputs change, else not at all. More failed hosts than `maxFailed`
 * fail it at once, with every host's state in the error; the next up waits again. The time limit is 2 hours unless
 * `customTimeouts` says otherwise; with `verify` a fifth of it is kept for that.
 *
 * @example
 * ```ts
 * const up = new emf.ProvisioningGate("store-17-up", {
 *     hosts: tills.map((till, i) => ({ label: `till ${i}`, hostId: till.hostId, instanceId: till.instanceId })),
 *     verify: {
 *         osVersion: "24.04",
 *         files: [{ path: "/etc/ssh/sshd_config.d/edge.conf", contains: "PermitRootLogin no", mode: "0600" }],
 *         commands: [{ run: "systemctl is-active docker", expect: "^active$" }],
 *         ssh: { user: "ops", sudo: true },
 *     },
 * });
 * ```
 */
export class ProvisioningGate extends EdgeResource {
    declare readonly until: pulumi.Output<string>;
    declare readonly maxFailed: pulumi.Output<number>;
    declare readonly pending: pulumi.Output<string>;
    declare readonly onTimeout: pulumi.Output<"fail" | "warn">;

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
    "onTimeout",
    "verify",
    "errorFile",
] as const;

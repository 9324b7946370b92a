import * as fs from "node:fs";
import { EdgeError } from "../resource/errors";

/** What runs the guest's code: the processor itself, or a translation that works everywhere and takes about ten times as long. */
export type Accelerator = "kvm" | "tcg";

/** What is seen of this machine. */
export interface HostProbe {
    platform: NodeJS.Platform;
    arch: string;
    /** Content of `/proc/cpuinfo`; empty where there is none. */
    cpuinfo: string;
    /** Whether this process may read and write `/dev/kvm`. */
    kvmDevice: boolean;
}

export function chooseAccelerator(wanted: "auto" | Accelerator, host: HostProbe = thisHost()): Accelerator {
    const obstacle = kvmObstacle(host);
    if (wanted === "kvm" && obstacle !== undefined) throw unusable(obstacle);
    return wanted === "tcg" || obstacle !== undefined ? "tcg" : "kvm";
}

/** As above, and tried out: `probe` tells why a machine does not run with it. */
export async function workingAccelerator(
    wanted: "auto" | Accelerator,
    probe: () => Promise<string | undefined>,
    host?: HostProbe,
): Promise<Accelerator> {
    if (chooseAccelerator(wanted, host) === "tcg") return "tcg";
    const obstacle = await probe();
    if (wanted === "kvm" && obstacle !== undefined) throw unusable(obstacle);
    return obstacle === undefined ? "kvm" : "tcg";
}

function unusable(obstacle: string): EdgeError {
    return new EdgeError(`accel "kvm" cannot be used here: ${obstacle}. Use "auto" or "tcg"`);
}

/**
 * Why KVM cannot be used. The device alone says nothing: inside virtual machines it can exist, and QEMU start without
 * an error, while the guest never runs an instruction because the processor's extension is not passed on.
 */
function kvmObstacle({ platform, arch, cpuinfo, kvmDevice }: HostProbe): string | undefined {
    if (platform !== "linux" || arch !== "x64")
        return `it runs x86 guests on x86 Linux only, and this is ${platform} on ${arch}`;
    if (!/^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo)) {
        return "the processor shows no virtualization (vmx or svm in /proc/cpuinfo): switch it on in the BIOS, or let the hypervisor pass it on";
    }
    return kvmDevice ? undefined : "/dev/kvm is missing or not open to this user (group kvm)";
}

function thisHost(): HostProbe {
    return {
        platform: process.platform,
        arch: process.arch,
        cpuinfo: readOrEmpty("/proc/cpuinfo"),
        kvmDevice: mayReadAndWrite("/dev/kvm"),
    };
}

function readOrEmpty(file: string): string {
    try {
        return fs.readFileSync(file, "utf8");
    } catch {
        return "";
    }
}

function mayReadAndWrite(file: string): boolean {
    try {
        fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK);
        return true;
    } catch {
        return false;
    }
}

import type { Accelerator } from "./accelerator";

/** A virtual machine, as QEMU is asked for it. */
export interface Machine {
    accelerator: Accelerator;
    firmware: MachineFirmware;
    memoryMb: number;
    cores: number;
    /** Processor model; default: all that can be offered. */
    cpu?: string;
    /** In the order in which the firmware tries them. */
    drives: readonly Drive[];
    /** Started directly instead of what the firmware finds. */
    kernel?: { file: string; initrd?: string; commandLine?: string };
    /** Where the serial line and QEMU's control are to be reached; default: the line is written to standard output. */
    sockets?: { serial: string; control: string };
    /** `user`: behind a translation that lets the guest out and nobody in. Default `none`. */
    network?: "none" | "user";
}

export type MachineFirmware =
    | { kind: "bios" }
    | { kind: "uefi"; code: string; /** Written by the firmware. */ vars: string; secure: boolean };

export type Drive =
    | {
          kind: "disk";
          file: string;
          format: "raw" | "qcow2";
          bus: DiskBus;
          /** Writes go into the file; otherwise they are forgotten, and the file stays as it is. */
          writable: boolean;
      }
    | { kind: "cdrom"; file: string };

/** The controller a disk hangs on; the guest's initial ram disk must know it. */
export type DiskBus = "virtio" | "sata" | "nvme";

/** QEMU's arguments; formats are always said, since a guest could otherwise write another one's header into a raw disk. */
export function qemuArguments(machine: Machine): string[] {
    const { accelerator, cpu, memoryMb, cores, drives, firmware } = machine;
    return [
        ...["-nodefaults", "-no-user-config", "-no-reboot"],
        ...["-display", "none", "-monitor", "none", ...serialArguments(machine.sockets)],
        ...machineType(machine),
        ...["-cpu", cpu ?? (accelerator === "kvm" ? "host" : "max")],
        ...["-smp", String(cores), "-m", String(memoryMb)],
        ...firmwareArguments(firmware),
        ...drives.flatMap(driveArguments),
        ...kernelArguments(machine.kernel),
        ...["-device", "virtio-rng-pci"],
        ...["-nic", machine.network === "user" ? "user,model=virtio-net-pci" : "none"],
    ];
}

/** The machine waits until somebody reads its line, so that nothing of it is lost. */
function serialArguments(sockets: Machine["sockets"]): string[] {
    if (!sockets) return ["-serial", "stdio"];
    return [
        ...["-chardev", `socket,id=line,path=${escaped(sockets.serial)},server=on,wait=on`],
        ...["-serial", "chardev:line"],
        ...["-qmp", `unix:${escaped(sockets.control)},server=on,wait=off`],
    ];
}

function machineType({ accelerator, firmware }: Machine): string[] {
    const secure = firmware.kind === "uefi" && firmware.secure;
    return [
        ...["-machine", `q35,accel=${accelerator}${secure ? ",smm=on" : ""}`],
        // Otherwise the guest could rewrite the keys that it is judged by.
        ...(secure ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
    ];
}

function firmwareArguments(firmware: MachineFirmware): string[] {
    if (firmware.kind === "bios") return [];
    return [
        ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${escaped(firmware.code)}`],
        ...["-drive", `if=pflash,unit=1,format=raw,file=${escaped(firmware.vars)}`],
    ];
}

const DISK_DEVICES: Readonly<Record<DiskBus, string>> = {
    virtio: "virtio-blk-pci",
    sata: "ide-hd",
    nvme: "nvme,serial=edge-os",
};

function driveArguments(drive: Drive, order: number): string[] {
    const id = `drive${order}`;
    const file = `file=${escaped(drive.file)}`;
    const [device, how] =
        drive.kind === "cdrom"
            ? ["ide-cd", "media=cdrom,readonly=on,format=raw"]
            : [DISK_DEVICES[drive.bus], `format=${drive.format},snapshot=${drive.writable ? "off" : "on"}`];
    return [
        ...["-drive", `if=none,id=${id},${how},${file}`],
        ...["-device", `${device},drive=${id},bootindex=${order}`],
    ];
}

function kernelArguments(kernel: Machine["kernel"]): string[] {
    if (!kernel) return [];
    return [
        ...["-kernel", kernel.file],
        ...(kernel.initrd === undefined ? [] : ["-initrd", kernel.initrd]),
        ...(kernel.commandLine === undefined ? [] : ["-append", kernel.commandLine]),
    ];
}

/** In the value of an option a comma ends it, and two are one. */
function escaped(file: string): string {
    return file.replaceAll(",", ",,");
}

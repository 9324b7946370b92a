import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { type NewPartition, writePartitionTable } from "../../examples/quickstart/gpt";
import { type ArchiveEntry, ramDisk } from "../../lab/canvos/ramDisk";
import { debianKernel, debianPackage } from "./debianPackages";
import { needsTool } from "./tools";

export const MIB = 1024 * 1024;
const ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

export interface TinySystem {
    kernel: string;
    initrd: Buffer;
}

/** A Debian kernel, and an initial ram disk in which busybox runs the script, with these files beside it. */
export function tinySystem(
    test: Mocha.Context,
    script: string,
    files: readonly ArchiveEntry[] = [],
): TinySystem {
    const busybox = fs.readFileSync(path.join(debianPackage(test, "busybox-static"), "bin/busybox"));
    return { kernel: debianKernel(test), initrd: ramDisk(busybox, script, files) };
}

/** Kernel, initial ram disk and command line in one EFI program (a unified kernel image). */
export function unifiedKernel(
    test: Mocha.Context,
    system: TinySystem,
    folder: string,
    commandLine: string,
): string {
    needsTool(test, "objcopy");
    const stub = path.join(
        debianPackage(test, "systemd-boot-efi"),
        "usr/lib/systemd/boot/efi/linuxx64.efi.stub",
    );
    const parts: readonly (readonly [section: string, file: string, address: number])[] = [
        [".osrel", writeFile(folder, "osrel", "ID=tiny\nVERSION_ID=1\n"), 0x20000],
        [".cmdline", writeFile(folder, "cmdline", commandLine), 0x30000],
        [".linux", system.kernel, 0x2000000],
        [".initrd", writeFile(folder, "initrd", system.initrd), 0x3000000],
    ];
    const sections = parts.flatMap(([section, file, address]) => [
        ...["--add-section", `${section}=${file}`],
        ...["--change-section-vma", `${section}=0x${address.toString(16)}`],
    ]);
    const out = path.join(folder, "unified.efi");
    call("objcopy", [...sections, stub, out]);
    return out;
}

/** A disk with an EFI system partition that starts this program, and a second partition. */
export function bootableDisk(test: Mocha.Context, efiProgram: string, folder: string): string {
    needsTool(test, "mkfs.vfat");
    needsTool(test, "mcopy");
    const espSize = 48 * MIB;
    const esp = path.join(folder, "esp.img");
    fs.writeFileSync(esp, "");
    fs.truncateSync(esp, espSize);
    call("mkfs.vfat", ["-F", "32", "-s", "1", esp]);
    call("mmd", ["-i", esp, "::/EFI", "::/EFI/BOOT"]);
    call("mcopy", ["-i", esp, efiProgram, "::/EFI/BOOT/BOOTX64.EFI"]);

    const partitions: readonly NewPartition[] = [
        { index: 1, type: ESP, name: "UEFI", firstLba: 2048, sectors: espSize / 512 },
        { index: 2, type: LINUX, name: "rootfs", firstLba: 2048 + espSize / 512, sectors: 2048 },
    ];
    const disk = Buffer.alloc(espSize + 3 * MIB);
    writePartitionTable(disk, partitions);
    fs.readFileSync(esp).copy(disk, MIB);
    return writeFile(folder, "disk.img", disk);
}

export function writeFile(folder: string, name: string, content: string | Buffer): string {
    const file = path.join(folder, name);
    fs.writeFileSync(file, content);
    return file;
}

function call(program: string, args: readonly string[]): void {
    const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
    const { status, stderr } = spawnSync(program, args, { env });
    if (status !== 0) throw new Error(`${program}: ${stderr.toString()}`);
}

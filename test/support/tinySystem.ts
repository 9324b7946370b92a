import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { type NewPartition, writePartitionTable } from "../../examples/quickstart/gpt";
import { debianKernel, debianPackage } from "./debianPackages";
import { needsTool } from "./tools";

export const MIB = 1024 * 1024;
const ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

/** Says that it runs, and then what the test wants; a login prompt at last, as systems do, without a line's end. */
function initScript(script: string): string {
    return [
        "#!/bin/busybox sh",
        "/bin/busybox mount -t proc none /proc",
        script,
        "exec /bin/busybox sleep 1000",
        "",
    ].join("\n");
}

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
    const initrd = zlib.gzipSync(
        cpioArchive([
            { name: "bin", mode: 0o40755 },
            { name: "proc", mode: 0o40755 },
            { name: "dev", mode: 0o40755 },
            { name: "dev/console", mode: 0o20600, device: [5, 1] },
            { name: "bin/busybox", mode: 0o100755, content: busybox },
            { name: "init", mode: 0o100755, content: Buffer.from(initScript(script)) },
            ...files,
        ]),
        { level: 1 },
    );
    return { kernel: debianKernel(test), initrd };
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

/** A file of an initial ram disk; folders come before what is in them. */
export interface ArchiveEntry {
    name: string;
    mode: number;
    content?: Buffer;
    device?: readonly [major: number, minor: number];
}

/** The form the kernel unpacks ("newc"): made here since device files take root otherwise. */
function cpioArchive(entries: readonly ArchiveEntry[]): Buffer {
    const all = [...entries, { name: "TRAILER!!!", mode: 0 }];
    return Buffer.concat(all.flatMap((entry, i) => cpioEntry(entry, i + 1)));
}

function cpioEntry(
    { name, mode, content = Buffer.alloc(0), device = [0, 0] }: ArchiveEntry,
    inode: number,
): Buffer[] {
    const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, device[0], device[1], name.length + 1, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
    return [Buffer.from(header), padding(header.length), content, padding(content.length)];
}

function padding(length: number): Buffer {
    return Buffer.alloc((4 - (length % 4)) % 4);
}

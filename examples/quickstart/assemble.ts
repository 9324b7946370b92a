import * as fs from "node:fs";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { interact } from "balena-image-fs";
import { BufferDisk } from "file-disk";
import { writePartitionTable } from "./gpt";

const MIB = 1024 * 1024;
const DISK_SIZE = 64 * MIB;
const SECTOR = 512;

/** Ubuntu's layout: the root is partition 1, the EFI system partition is number 15 and lies before it. */
const ESP = { index: 15, type: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", name: "UEFI", at: MIB };
const ROOT = {
    index: 1,
    type: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    name: "cloudimg-rootfs",
    at: 35 * MIB,
};

/** Not signed: a real image has shim or a unified kernel image here. It says so when it is started. */
const PLACEHOLDER = fs.readFileSync(path.join(__dirname, "blank", "placeholder.efi"));

const EFI_FILES = { "/EFI/BOOT/BOOTX64.EFI": PLACEHOLDER };

const OS_RELEASE = `PRETTY_NAME="Ubuntu 24.04 LTS (pulumi-edge-os quickstart)"
NAME="Ubuntu"
VERSION_ID="24.04"
ID=ubuntu
ID_LIKE=debian
`;

const ROOT_FILES = {
    "/etc/os-release": OS_RELEASE,
    "/etc/hostname": "edge\n",
    "/etc/fstab": "LABEL=cloudimg-rootfs / ext4 defaults 0 1\nLABEL=UEFI /boot/efi vfat umask=0077 0 1\n",
    "/usr/lib/os-release": OS_RELEASE,
};

async function assemble(target: string): Promise<void> {
    stopClock();
    const disk = Buffer.alloc(DISK_SIZE);
    const partitions = [];
    for (const { blank, place, files } of [
        { blank: "fat32.img.gz", place: ESP, files: EFI_FILES },
        { blank: "ext4.img.gz", place: ROOT, files: ROOT_FILES },
    ]) {
        const fileSystem = zlib.gunzipSync(fs.readFileSync(path.join(__dirname, "blank", blank)));
        await fill(fileSystem, files);
        fileSystem.copy(disk, place.at);
        const { index, type, name, at } = place;
        partitions.push({ index, type, name, firstLba: at / SECTOR, sectors: fileSystem.length / SECTOR });
    }
    writePartitionTable(disk, partitions);
    writeSparse(target, disk);
}

async function fill(fileSystem: Buffer, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
    await interact(new BufferDisk(fileSystem), undefined, async ({ promises }) => {
        for (const [name, content] of Object.entries(files)) {
            const folders = path.posix.dirname(name).split("/").slice(1);
            for (let depth = 1; depth <= folders.length; depth++) {
                const folder = `/${folders.slice(0, depth).join("/")}`;
                await promises.readdir(folder).catch(() => promises.mkdir(folder, 0o755));
            }
            await promises.writeFile(name, content);
        }
    });
}

/** Most of the disk is empty; holes keep it from taking room. */
function writeSparse(target: string, disk: Buffer): void {
    const file = fs.openSync(target, "w");
    const zeros = Buffer.alloc(64 * 1024);
    for (let at = 0; at < disk.length; at += zeros.length) {
        const block = disk.subarray(at, at + zeros.length);
        if (!block.equals(zeros)) fs.writeSync(file, block, 0, block.length, at);
    }
    fs.ftruncateSync(file, disk.length);
    fs.closeSync(file);
}

/** File systems note the time of every change: with one time for all, the same content gives the same bytes. */
function stopClock(): void {
    const time = Date.UTC(2026, 0, 1);
    const Running = Date;
    globalThis.Date = class extends Running {
        constructor(value: number | string = time) {
            super(value);
        }
        static override now(): number {
            return time;
        }
    } as DateConstructor;
}

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error("usage: assemble FILE");
assemble(target).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
});

import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { writePartitionTable } from "../../../examples/quickstart/gpt";
import { childEnvironment } from "../../../provider/image/decoders/tools";
import { enrollKeys } from "../../../provider/qemu/efiVariables";
import { findFirmware } from "../../../provider/qemu/firmware";
import { startGuarded } from "../../../provider/qemu/guardedProcess";
import { qemuArguments } from "../../../provider/qemu/machine";
import { findQemu } from "../../../provider/qemu/run";
import type { Identity } from "./authority";
import { addBootEntries, numberOf } from "./bootEntries";
import { makeProgram, switchingOff } from "./program";
import { sign } from "./signer";

const MIB = 1024 * 1024;
const SECTOR = 512;
const FIRST_LBA = 2048;
const EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

/** A disk with an EFI system partition that holds these files. */
export function espDisk(files: ReadonlyMap<string, Buffer>, sizeMib = 64): Buffer {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-esp-"));
    try {
        const image = path.join(folder, "esp.img");
        fs.writeFileSync(image, "");
        fs.truncateSync(image, (sizeMib - 2) * MIB);
        run("mkfs.vfat", ["-F", "32", image]);
        const made = new Set<string>();
        for (const [name, content] of files) {
            for (const parent of parentsOf(name)) {
                if (!made.has(parent)) run("mmd", ["-i", image, `::${parent}`]);
                made.add(parent);
            }
            const file = path.join(folder, "content");
            fs.writeFileSync(file, content);
            run("mcopy", ["-i", image, file, `::${name}`]);
        }
        const disk = Buffer.alloc(sizeMib * MIB);
        fs.readFileSync(image).copy(disk, FIRST_LBA * SECTOR);
        const sectors = ((sizeMib - 2) * MIB) / SECTOR;
        writePartitionTable(disk, [
            { index: 1, type: EFI_SYSTEM, name: "UEFI", firstLba: FIRST_LBA, sectors },
        ]);
        return disk;
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

function parentsOf(name: string): string[] {
    const steps = name.split("/").slice(0, -1);
    return steps.map((_, depth) => steps.slice(0, depth + 1).join("/")).filter((parent) => parent !== "");
}

function run(program: string, args: readonly string[]): void {
    const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: "1" };
    const { status, stderr } = childProcess.spawnSync(program, args, { env });
    if (status !== 0) throw new Error(`${program}: ${stderr.toString()}`);
}

/**
 * What OVMF with Secure Boot makes of each program when it trusts `trusted` (and `keeper`, who signs only the program
 * that ends the run): one boot entry for each, tried one after the other in a single run.
 */
export async function firmwareVerdicts(
    programs: ReadonlyMap<string, Buffer>,
    trusted: readonly Buffer[],
    keeper: Identity,
): Promise<{ verdicts: Map<string, "started" | "refused">; serial: string }> {
    const end = sign(makeProgram(switchingOff), keeper);
    const files = new Map([...programs.values(), end].map((bytes, number) => [fileOf(number), bytes]));
    const disk = espDisk(files);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-firmware-"));
    try {
        const image = path.join(folder, "disk.img");
        fs.writeFileSync(image, disk);
        const { code, vars: blank } = findFirmware(true);
        const keys = {
            pk: keeper.certificate,
            kek: [keeper.certificate],
            db: [...trusted, keeper.certificate],
        };
        const entries = [...programs.keys(), "end"].map((description, number) => ({
            description: `case ${description}`,
            file: `\\${fileOf(number).replaceAll("/", "\\")}`,
            partition: partitionOf(disk),
        }));
        const vars = path.join(folder, "vars.fd");
        fs.writeFileSync(vars, addBootEntries(enrollKeys(fs.readFileSync(blank), keys), entries));
        const serial = await serialOf({ image, code, vars, folder });
        return { serial, verdicts: readVerdicts([...programs.keys()], serial) };
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

function fileOf(number: number): string {
    return `T/${number.toString().padStart(3, "0")}.EFI`;
}

function partitionOf(disk: Buffer): { index: number; firstLba: number; sectors: number; guid: Buffer } {
    const entry = disk.subarray(2 * SECTOR, 2 * SECTOR + 128);
    const firstLba = Number(entry.readBigUInt64LE(32));
    const sectors = Number(entry.readBigUInt64LE(40)) - firstLba + 1;
    return { index: 1, firstLba, sectors, guid: Buffer.from(entry.subarray(16, 32)) };
}

const TIME_LIMIT = 120_000;

async function serialOf(machine: {
    image: string;
    code: string;
    vars: string;
    folder: string;
}): Promise<string> {
    const args = qemuArguments({
        accelerator: "tcg",
        firmware: { kind: "uefi", code: machine.code, vars: machine.vars, secure: true },
        memoryMb: 256,
        cores: 1,
        drives: [{ kind: "disk", file: machine.image, format: "raw", bus: "virtio", writable: false }],
    });
    // With an order of its own QEMU would have the firmware forget that of the entries.
    const plain = args.map((argument) => argument.replace(/,bootindex=\d+$/, ""));
    const env = { ...childEnvironment(), TMPDIR: machine.folder };
    const qemu = startGuarded(findQemu(), plain, { folder: machine.folder, env });
    const chunks: Buffer[] = [];
    qemu.stdout.on("data", (bytes: Buffer) => chunks.push(bytes));
    qemu.stderr.on("data", (bytes: Buffer) => chunks.push(bytes));
    const drained = new Promise((resolve) => qemu.stdout.once("close", resolve));
    const timer = setTimeout(() => void qemu.end(), TIME_LIMIT);
    try {
        await Promise.all([qemu.ended, drained]);
    } finally {
        clearTimeout(timer);
        await qemu.end();
    }
    return Buffer.concat(chunks).toString("latin1");
}

function readVerdicts(names: readonly string[], serial: string): Map<string, "started" | "refused"> {
    return new Map(
        names.map((name, number) => {
            const entry = `Boot${numberOf(number)}`;
            const tried = serial.indexOf(`BdsDxe: loading ${entry}`);
            if (tried < 0) throw new Error(`${name} was not tried; the serial line's record:\n${serial}`);
            const refused = new RegExp(`failed to load ${entry}[^\\n]*: (Access Denied|Security Violation)`);
            if (refused.test(serial)) return [name, "refused"];
            if (serial.includes(`BdsDxe: starting ${entry}`)) return [name, "started"];
            throw new Error(`${name} could not be loaded at all; the serial line's record:\n${serial}`);
        }),
    );
}

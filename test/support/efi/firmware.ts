import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { writePartitionTable } from "../../../examples/quickstart/gpt";
import { childEnvironment } from "../../../provider/process/tools";
import { enrollKeys } from "../../../provider/qemu/efiVariables";
import { findFirmware } from "../../../provider/qemu/firmware";
import { startGuarded } from "../../../provider/process/guardedProcess";
import { qemuArguments } from "../../../provider/qemu/machine";
import { findQemu } from "../../../provider/qemu/run";
import type { Identity } from "./authority";
import { addBootEntries, type BootEntry, numberOf } from "./bootEntries";
import { makeProgram, switchingOff } from "./program";
import { sign } from "./signer";

const MIB = 1024 * 1024;
const SECTOR = 512;
const FIRST_LBA = 2048;
const EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

/** A disk with an EFI system partition that holds these files. */
export function espDisk(files: ReadonlyMap<string, Buffer>, sizeMib = 40): Buffer {
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

export type FirmwareVerdict = "started" | "refused";

/**
 * A disk full of programs for OVMF with Secure Boot on: each has a boot entry, and the firmware tries one after the
 * other in a single run. `keeper` signs the program that ends it, and is trusted besides.
 */
export class FirmwareBench {
    private readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-firmware-"));
    private readonly image = path.join(this.folder, "disk.img");
    private readonly names: readonly string[];
    private readonly partition: BootEntry["partition"];

    constructor(
        programs: ReadonlyMap<string, Buffer>,
        private readonly keeper: Identity,
    ) {
        this.names = [...programs.keys()];
        const end = sign(makeProgram(switchingOff), keeper);
        const files = [...programs.values(), end].map((bytes, number) => [fileOf(number), bytes] as const);
        const disk = espDisk(new Map(files));
        fs.writeFileSync(this.image, disk);
        this.partition = partitionOf(disk);
    }

    /** What becomes of each program when these certificates are enrolled. */
    async verdicts(trusted: readonly Buffer[]): Promise<Map<string, FirmwareVerdict>> {
        const own = fs.mkdtempSync(path.join(this.folder, "run-"));
        const { certificate } = this.keeper;
        const { code, vars: blank } = findFirmware(true);
        const keys = { pk: certificate, kek: [certificate], db: [...trusted, certificate] };
        const entries = [...this.names, "end"].map((description, number) => ({
            description: `case ${description}`,
            file: `\\${fileOf(number).replaceAll("/", "\\")}`,
            partition: this.partition,
        }));
        const vars = path.join(own, "vars.fd");
        fs.writeFileSync(vars, addBootEntries(enrollKeys(fs.readFileSync(blank), keys), entries));
        return readVerdicts(this.names, await serialOf({ image: this.image, code, vars, folder: own }));
    }

    remove(): void {
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}

function fileOf(number: number): string {
    return `T/${number.toString().padStart(3, "0")}.EFI`;
}

function partitionOf(disk: Buffer): BootEntry["partition"] {
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
    const record = path.join(machine.folder, "serial.log");
    const plain = args.map((argument) =>
        argument
            // With an order of its own QEMU would have the firmware forget that of the entries.
            .replace(/,bootindex=\d+$/, "")
            // Into a pipe that is not read at once QEMU drops characters.
            .replace(/^stdio$/, `file:${record}`),
    );
    const env = { ...childEnvironment(), TMPDIR: machine.folder };
    const qemu = startGuarded(findQemu(), plain, { folder: machine.folder, env });
    let complaint = "";
    qemu.stderr.on("data", (bytes: Buffer) => (complaint += bytes.toString()));
    const timer = setTimeout(() => void qemu.end(), TIME_LIMIT);
    try {
        await qemu.ended;
        return fs.readFileSync(record, "latin1");
    } catch (error) {
        throw new Error(`QEMU: ${complaint}`, { cause: error });
    } finally {
        clearTimeout(timer);
        await qemu.end();
    }
}

function readVerdicts(names: readonly string[], serial: string): Map<string, FirmwareVerdict> {
    return new Map(
        names.map((name, number) => {
            const entry = `Boot${numberOf(number)}`;
            const lines = serial.split("\n").filter((line) => line.includes(entry));
            const refused = /: (Access Denied|Security Violation|Unsupported|Load Error)/;
            if (lines.some((line) => line.includes("failed to load") && refused.test(line)))
                return [name, "refused"];
            if (lines.some((line) => line.includes(`starting ${entry}`))) return [name, "started"];
            throw new Error(
                `${name}: neither started nor refused:\n${lines.join("\n") || serial.slice(-2000)}`,
            );
        }),
    );
}

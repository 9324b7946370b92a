import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { buildQuickstartImage } from "../../../examples/quickstart/image";
import { type NewPartition, writePartitionTable } from "../../../examples/quickstart/gpt";
import { findTool } from "../../../provider/process/tools";

export const MIB = 1024 * 1024;
export const EFI = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
export const LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

/** A folder of its own for each test file, removed after it. */
export function temporaryFolder(): { path: (...names: string[]) => string } {
    let folder = "";
    before(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-image-"));
    });
    after(() => fs.rmSync(folder, { recursive: true, force: true }));
    return { path: (...names) => path.join(folder, ...names) };
}

let quickstart: Promise<Buffer> | undefined;

/** A whole small image: made once for all test files. */
export function goodImage(): Promise<Buffer> {
    quickstart ??= (async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-image-"));
        try {
            return fs.readFileSync(await buildQuickstartImage(path.join(folder, "good.img")));
        } finally {
            fs.rmSync(folder, { recursive: true, force: true });
        }
    })();
    return quickstart;
}

/** An empty disk with a partition table. */
export function blankDisk(size: number, partitions: readonly NewPartition[] = TWO_PARTITIONS): Buffer {
    const disk = Buffer.alloc(size);
    writePartitionTable(disk, partitions);
    return disk;
}

export const TWO_PARTITIONS: readonly NewPartition[] = [
    { index: 1, type: EFI, name: "UEFI", firstLba: 64, sectors: 64 },
    { index: 2, type: LINUX, name: "rootfs", firstLba: 128, sectors: 256 },
];

/** Runs a program of this machine as a second opinion, or skips the test saying that it is not there. */
export function oracle(
    test: Mocha.Context,
    program: string,
    args: readonly string[],
    input?: Buffer,
): Buffer {
    const found = findTool(program, `${process.env.PATH ?? ""}:/usr/sbin:/sbin`);
    if (found === undefined) {
        console.log(`      (skipped: no ${program} on this machine)`);
        return test.skip();
    }
    const result = childProcess.spawnSync(found, args, { input, maxBuffer: 256 * MIB });
    if (result.status !== 0) throw new Error(`${program}: ${result.stderr.toString()}`);
    return result.stdout;
}

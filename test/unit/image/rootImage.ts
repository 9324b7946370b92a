import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { writePartitionTable } from "../../../examples/quickstart/gpt";
import { bufferDevice } from "../../../provider/image/blockDevice";
import { openFileSystem } from "../../../provider/image/fileSystem";
import { ImageTree } from "../../../provider/image/root/tree";
import { EFI, goodImage, LINUX, MIB } from "./fixtures";

/** A file of a test's root file system: its content, a link, or a content with permissions. */
export type TestFile = string | Buffer | { link: string } | { mode: number; content?: string };

/** An ext4 file system made by mkfs.ext4 from these files, by their paths. */
export function buildRoot(
    files: Readonly<Record<string, TestFile>>,
    { megabytes = 16, options = [] }: { megabytes?: number; options?: readonly string[] } = {},
): Buffer {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-root-"));
    try {
        const source = path.join(folder, "files");
        fs.mkdirSync(source);
        for (const [name, file] of Object.entries(files)) place(path.join(source, name), file);
        const target = path.join(folder, "root.img");
        const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
        const args = ["-q", "-L", "test-root", ...options, "-d", source, target, `${megabytes}M`];
        const made = childProcess.spawnSync("mkfs.ext4", args, { env });
        if (made.status !== 0) throw new Error(`mkfs.ext4: ${String(made.stderr)}`);
        return fs.readFileSync(target);
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

function place(target: string, file: TestFile): void {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    if (typeof file === "string" || Buffer.isBuffer(file)) {
        fs.writeFileSync(target, file);
    } else if ("link" in file) {
        fs.symlinkSync(file.link, target);
    } else {
        fs.writeFileSync(target, file.content ?? "");
        fs.chmodSync(target, file.mode);
    }
}

/** Runs `look` on the files of a root file system. */
export async function withTree<T>(root: Buffer, look: (tree: ImageTree) => Promise<T>): Promise<T> {
    const opened = await openFileSystem(bufferDevice(root));
    try {
        return await look(new ImageTree(opened.fs));
    } finally {
        await opened.close();
    }
}

interface DiskOptions {
    /** Number of the root partition; the EFI system partition has the other of 1 and 15. */
    rootIndex?: number;
    rootName?: string;
    /** More partitions, with their content. */
    more?: readonly { index: number; name: string; content: Buffer }[];
}

/** A whole disk: the EFI system partition of the quickstart's image, this root, and what else is given. */
export async function buildDisk(
    root: Buffer,
    { rootIndex = 1, rootName = "cloudimg-rootfs", more = [] }: DiskOptions = {},
): Promise<Buffer> {
    const esp = (await goodImage()).subarray(MIB, 35 * MIB);
    const contents = [
        { index: rootIndex === 1 ? 15 : 1, type: EFI, name: "UEFI", content: esp },
        { index: rootIndex, type: LINUX, name: rootName, content: root },
        ...more.map((one) => ({ ...one, type: LINUX })),
    ];
    const size = contents.reduce((sum, { content }) => sum + content.length, 2 * MIB);
    const disk = Buffer.alloc(size);
    let at = MIB;
    const partitions = contents.map(({ index, type, name, content }) => {
        content.copy(disk, at);
        const partition = { index, type, name, firstLba: at / 512, sectors: content.length / 512 };
        at += content.length;
        return partition;
    });
    writePartitionTable(disk, partitions);
    return disk;
}

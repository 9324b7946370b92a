import * as zlib from "node:zlib";

/** A file of an initial ram disk; folders come before what is in them. */
export interface ArchiveEntry {
    name: string;
    mode: number;
    content?: Buffer;
    device?: readonly [major: number, minor: number];
}

/** An initial ram disk in which busybox runs a script, with these files beside it. */
export function ramDisk(busybox: Buffer, script: string, files: readonly ArchiveEntry[] = []): Buffer {
    const entries = [
        { name: "bin", mode: 0o40755 },
        { name: "proc", mode: 0o40755 },
        { name: "dev", mode: 0o40755 },
        { name: "dev/console", mode: 0o20600, device: [5, 1] as const },
        { name: "bin/busybox", mode: 0o100755, content: busybox },
        { name: "init", mode: 0o100755, content: Buffer.from(initScript(script)) },
        ...files,
    ];
    return zlib.gzipSync(cpioArchive(entries), { level: 1 });
}

function initScript(script: string): string {
    return [
        "#!/bin/busybox sh",
        "/bin/busybox mount -t proc none /proc",
        script,
        "exec /bin/busybox sleep 1000",
        "",
    ].join("\n");
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

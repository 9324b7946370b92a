import type { ImageTree } from "./tree";

/** Programs that every system has one of. */
const PROGRAMS = [
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/bin/sh",
    "/usr/bin/env",
    "/sbin/init",
];

/** ELF machine numbers (elf.h), under the names that `uname -m` shows. */
const MACHINES: Readonly<Record<number, string>> = {
    3: "i686",
    40: "armv7l",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
};

/** The architecture that the programs of a root file system are built for. */
export async function readArchitecture(tree: ImageTree): Promise<string | undefined> {
    for (const program of PROGRAMS) {
        const head = await tree.readHead(program, 20);
        if (head?.length !== 20 || head.toString("latin1", 0, 4) !== "\x7fELF") continue;
        const isLittleEndian = head.readUInt8(5) === 1;
        const machine = isLittleEndian ? head.readUInt16LE(18) : head.readUInt16BE(18);
        return MACHINES[machine] ?? `ELF machine ${machine}`;
    }
    return undefined;
}

const SAME: Readonly<Record<string, string>> = { amd64: "x86_64", x64: "x86_64", arm64: "aarch64" };

/** One name for an architecture that Debian, Docker and the kernel call differently. */
export function canonicalArchitecture(name: string): string {
    return SAME[name.toLowerCase()] ?? name.toLowerCase();
}

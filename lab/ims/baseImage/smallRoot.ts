import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** Programs that the small root file system has, each with the libraries it needs. */
const PROGRAMS = ["/bin/bash", "/bin/busybox"];
/** What busybox is also called in it. */
const APPLETS = [
    ...[
        "sh",
        "cat",
        "chmod",
        "cp",
        "env",
        "grep",
        "ls",
        "md5sum",
        "mkdir",
        "mv",
        "rm",
        "sed",
        "sleep",
        "stat",
    ],
    ...["test", "touch", "true", "false", "find", "tar", "tr", "wc", "head", "dd", "ln", "readlink", "id"],
];

/** A small root file system, as files: enough to log in to, with a kernel and an initrd in `/boot`. */
export function makeImageRoot(folder: string): void {
    for (const name of ["bin", "boot", "dev", "etc", "lib64", "proc", "root", "sys", "tmp", "usr/bin"]) {
        fs.mkdirSync(path.join(folder, name), { recursive: true });
    }
    fs.chmodSync(path.join(folder, "tmp"), 0o1777);
    for (const program of PROGRAMS) copyWithLibraries(program, folder);
    addApplets(folder, APPLETS);
    fs.writeFileSync(path.join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
    fs.writeFileSync(path.join(folder, "etc/group"), "root:x:0:\n");
    fs.writeFileSync(
        path.join(folder, "etc/os-release"),
        'ID=small\nVERSION_ID="1"\nPRETTY_NAME="Small image root"\n',
    );
    fs.writeFileSync(path.join(folder, "boot/vmlinuz"), "a kernel\n");
    fs.writeFileSync(path.join(folder, "boot/initrd"), "an initrd\n");
}

/** More names of busybox; what is there already stays. */
export function addApplets(folder: string, names: readonly string[]): void {
    for (const name of names) {
        const link = path.join(folder, "bin", name);
        if (!fs.existsSync(link)) fs.symlinkSync("busybox", link);
    }
}

/** The small root file system as a SquashFS file's content. */
export function squashedImageRoot(change: (folder: string) => void = () => undefined): Buffer {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "image-root-"));
    try {
        const root = path.join(folder, "root");
        makeImageRoot(root);
        change(root);
        const packed = path.join(folder, "rootfs");
        execFileSync("mksquashfs", [root, packed, "-no-progress", "-noappend", "-quiet", "-comp", "gzip"]);
        return fs.readFileSync(packed);
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

/** A program or library, with the libraries it needs, at the same place. */
export function copyWithLibraries(program: string, folder: string): void {
    const libraries = isStatic(program)
        ? []
        : [...execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)].map(
              ([, file]) => file ?? "",
          );
    for (const file of [program, ...libraries]) {
        const target = path.join(folder, file);
        fs.mkdirSync(path.dirname(target), { recursive: true });
        // It may be one of busybox's names, which a copy would overwrite itself by.
        fs.rmSync(target, { force: true });
        fs.copyFileSync(file, target);
        fs.chmodSync(target, 0o755);
    }
}

function isStatic(program: string): boolean {
    try {
        execFileSync("ldd", [program], { stdio: "ignore" });
        return false;
    } catch {
        return true;
    }
}

import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { needsTool } from "./tools";

/** Programs that the small root file system has, each with the libraries it needs. */
const PROGRAMS = ["/bin/bash", "/bin/busybox"];
/** What busybox is also called in it. */
const APPLETS = [
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
];
const MORE_APPLETS = [
    "test",
    "touch",
    "true",
    "false",
    "find",
    "tar",
    "tr",
    "wc",
    "head",
    "dd",
    "ln",
    "readlink",
    "id",
];

/** Skips a test, or fails it in CI, where a job of the lab's IMS cannot run. */
export function needsImageRoots(test: Mocha.Context): void {
    for (const tool of ["mksquashfs", "unsquashfs", "busybox", "sshd", "unshare", "setpriv"])
        needsTool(test, tool);
    if (spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status === 0) return;
    if (test.test) test.test.title += " (skipped: this machine lets nobody mount for a job)";
    test.skip();
}

/** A small root file system, as files: enough to log in to, with a kernel and an initrd in `/boot`. */
export function makeImageRoot(folder: string): void {
    for (const name of ["bin", "boot", "dev", "etc", "lib64", "proc", "root", "sys", "tmp", "usr/bin"]) {
        fs.mkdirSync(path.join(folder, name), { recursive: true });
    }
    fs.chmodSync(path.join(folder, "tmp"), 0o1777);
    for (const program of PROGRAMS) copyWithLibraries(program, folder);
    for (const name of [...APPLETS, ...MORE_APPLETS])
        fs.symlinkSync("busybox", path.join(folder, "bin", name));
    fs.writeFileSync(path.join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
    fs.writeFileSync(path.join(folder, "etc/group"), "root:x:0:\n");
    fs.writeFileSync(
        path.join(folder, "etc/os-release"),
        'ID=small\nVERSION_ID="1"\nPRETTY_NAME="Small image root"\n',
    );
    fs.writeFileSync(path.join(folder, "boot/vmlinuz"), "a kernel\n");
    fs.writeFileSync(path.join(folder, "boot/initrd"), "an initrd\n");
}

/** Parts of Python's library that a play on an image does not use, and that are most of it. */
const UNUSED =
    /\/(?:__pycache__|test|idlelib|tkinter|lib2to3|ensurepip|pydoc_data|config-[^/]*|dist-packages)$/;

/** Adds Debian's own Python to a root file system, for what Ansible runs in it. */
export function addPython(folder: string): void {
    const python = fs.realpathSync("/usr/bin/python3");
    copyWithLibraries(python, folder);
    fs.symlinkSync(path.basename(python), path.join(folder, "usr/bin/python3"));
    fs.symlinkSync("../../bin/busybox", path.join(folder, "usr/bin/env"));
    const library = path.join("/usr/lib", path.basename(python));
    fs.cpSync(library, path.join(folder, library), {
        recursive: true,
        filter: (source) => !UNUSED.test(source),
    });
    const modules = path.join(library, "lib-dynload");
    for (const name of fs.readdirSync(path.join(folder, modules)))
        copyWithLibraries(path.join(modules, name), folder);
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

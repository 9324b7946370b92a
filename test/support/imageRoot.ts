import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { copyWithLibraries } from "../../lab/ims/baseImage/smallRoot";
import { needsTool, skipBecause } from "./tools";

export { makeImageRoot, squashedImageRoot } from "../../lab/ims/baseImage/smallRoot";

/** Skips a test, or fails it in CI, where a job of the lab's IMS cannot run. */
export function needsImageRoots(test: Mocha.Context): void {
    for (const tool of ["mksquashfs", "unsquashfs", "busybox", "sshd", "unshare", "setpriv"])
        needsTool(test, tool);
    if (spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status === 0) return;
    skipBecause(test, "this machine lets nobody mount for a job");
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

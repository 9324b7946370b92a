import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { addApplets } from "../ims/baseImage/smallRoot";
import type { DockerEngine } from "./dockerEngine";

/** Of the kernel that the base image has modules for. */
export const KERNEL_VERSION = "6.8.0-31-generic";
/** What the base images are made of. */
const BASE_FILES: Readonly<Record<string, string>> = {
    "etc/os-release": 'ID=ubuntu\nVERSION_ID="24.04"\n',
    "var/lib/dpkg/status":
        "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 13\nDescription: files\n",
    [`lib/modules/${KERNEL_VERSION}/modules.dep`]: "kernel/fs/nfs/nfs.ko.zst:\n",
    [`lib/modules/${KERNEL_VERSION}/kernel/fs/nfs/nfs.ko.zst`]: "a module\n",
};
const APPLETS = "sh cat chmod chown cp echo grep head ls mkdir mv printf rm sed sleep test touch".split(" ");

/**
 * The images that a build of the repository starts from, under a registry's name; nothing is pulled. `fill` adds what
 * the base image of the systems has beside the least.
 */
export function importBaseImages(
    engine: DockerEngine,
    registry: string,
    fill: (root: string) => void = addCompiler,
): void {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-base-"));
    try {
        for (const [name, text] of Object.entries(BASE_FILES)) {
            fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
            fs.writeFileSync(path.join(folder, name), text);
        }
        fs.mkdirSync(path.join(folder, "bin"));
        fs.copyFileSync("/bin/busybox", path.join(folder, "bin/busybox"));
        addApplets(folder, APPLETS);
        engine.importFolder(folder, `${registry}/edge/canvos/alpine:3.20`);
        fill(folder);
        for (const reference of systemImages(registry)) engine.importFolder(folder, reference);
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

/** All names that builds ask for. */
export function baseImages(registry: string): string[] {
    return [`${registry}/edge/canvos/alpine:3.20`, ...systemImages(registry)];
}

function systemImages(registry: string): string[] {
    return ["22.04", "24.04"].map((version) => `${registry}/edge/kairos-ubuntu:${version}`);
}

function addCompiler(root: string): void {
    fs.mkdirSync(path.join(root, "usr/bin"), { recursive: true });
    fs.writeFileSync(path.join(root, "usr/bin/gcc-14"), "#!/bin/sh\necho gcc\n", { mode: 0o755 });
}

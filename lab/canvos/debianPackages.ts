import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

/** A package of Debian that cannot be had here. */
export class PackageUnavailable extends Error {
    constructor(name: string) {
        super(
            `the Debian package ${name} cannot be downloaded: apt-get download needs a way to a mirror of Debian or Ubuntu`,
        );
    }
}

/** Small kernels for virtual machines, of Debian and of Ubuntu. */
const KERNELS = ["linux-image-cloud-amd64", "linux-image-virtual"];

/** The files of a Debian package, unpacked below `cache` and not installed. */
export function debianPackage(cache: string, name: string): string {
    const folder = path.join(cache, name);
    if (fs.existsSync(folder)) return folder;
    fs.mkdirSync(cache, { recursive: true });
    const work = fs.mkdtempSync(path.join(cache, ".work-"));
    try {
        if (!download(name, work)) {
            spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
            if (!download(name, work)) throw new PackageUnavailable(name);
        }
        const archive = fs.readdirSync(work).find((file) => file.endsWith(".deb"));
        if (archive === undefined) throw new PackageUnavailable(name);
        const unpacked = path.join(work, "files");
        const { status, stderr } = spawnSync("dpkg-deb", ["-x", path.join(work, archive), unpacked]);
        if (status !== 0) throw new Error(`dpkg-deb: ${stderr.toString()}`);
        fs.renameSync(unpacked, folder);
    } catch (error) {
        // Another process was faster.
        if (!fs.existsSync(folder)) throw error;
    } finally {
        fs.rmSync(work, { recursive: true, force: true });
    }
    return folder;
}

/** The distribution's small kernel for virtual machines, signed by it: `vmlinuz`, full path. */
export function debianKernel(cache: string): string {
    const kept = path.join(cache, "kernel-package");
    const name = fs.existsSync(kept) ? fs.readFileSync(kept, "utf8") : kernelPackage();
    const boot = path.join(debianPackage(cache, name), "boot");
    fs.writeFileSync(kept, name);
    const file = fs.readdirSync(boot).find((entry) => entry.startsWith("vmlinuz-"));
    if (file === undefined) throw new Error(`${name} holds no kernel`);
    return path.join(boot, file);
}

function kernelPackage(): string {
    for (const name of KERNELS) {
        const { stdout } = spawnSync("apt-cache", ["depends", name], { encoding: "utf8" });
        const [found] = /linux-image-\d\S+/.exec(stdout) ?? [];
        if (found !== undefined) return found;
    }
    throw new PackageUnavailable(KERNELS.join(" or "));
}

function download(name: string, folder: string): boolean {
    // As root, apt would fetch as its own user, who may not write here.
    const args = ["-q", "-o", "APT::Sandbox::User=root", "download", name];
    return spawnSync("apt-get", args, { cwd: folder, stdio: "ignore" }).status === 0;
}

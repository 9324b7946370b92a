import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { needsTool } from "./tools";

const CACHE = path.join(__dirname, "../../node_modules/.cache/edge-os-debian");

/**
 * The files of a Debian package, unpacked and not installed: what Debian's own builders have signed and compiled is
 * a better judge than anything a test could make. Without apt the test is skipped, and in CI it fails.
 */
export function debianPackage(test: Mocha.Context, name: string): string {
    const folder = path.join(CACHE, name);
    if (fs.existsSync(folder)) return folder;
    needsTool(test, "apt-get");
    needsTool(test, "dpkg-deb");
    fs.mkdirSync(CACHE, { recursive: true });
    const work = fs.mkdtempSync(path.join(CACHE, ".work-"));
    try {
        if (!download(name, work)) {
            spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
            if (!download(name, work)) return unavailable(test, name);
        }
        const archive = fs.readdirSync(work).find((file) => file.endsWith(".deb"));
        if (archive === undefined) return unavailable(test, name);
        const unpacked = path.join(work, "files");
        const { status, stderr } = spawnSync("dpkg-deb", ["-x", path.join(work, archive), unpacked]);
        if (status !== 0) throw new Error(`dpkg-deb: ${stderr.toString()}`);
        fs.renameSync(unpacked, folder);
    } catch (error) {
        // Another test run was faster.
        if (!fs.existsSync(folder)) throw error;
    } finally {
        fs.rmSync(work, { recursive: true, force: true });
    }
    return folder;
}

/** Debian's small kernel for virtual machines, signed by Debian: `vmlinuz`, full path. */
export function debianKernel(test: Mocha.Context): string {
    const kept = path.join(CACHE, "kernel-package");
    let name = fs.existsSync(kept) ? fs.readFileSync(kept, "utf8") : "";
    if (name === "") {
        needsTool(test, "apt-cache");
        const { stdout } = spawnSync("apt-cache", ["depends", "linux-image-cloud-amd64"]);
        name = /linux-image-\d\S+/.exec(stdout.toString())?.[0] ?? "";
        if (name === "") return unavailable(test, "linux-image-cloud-amd64");
    }
    const boot = path.join(debianPackage(test, name), "boot");
    fs.writeFileSync(kept, name);
    const file = fs.readdirSync(boot).find((entry) => entry.startsWith("vmlinuz-"));
    if (file === undefined) throw new Error(`${name} holds no kernel`);
    return path.join(boot, file);
}

function download(name: string, folder: string): boolean {
    // As root, apt would fetch as its own user, who may not write here.
    const args = ["-q", "-o", "APT::Sandbox::User=root", "download", name];
    return spawnSync("apt-get", args, { cwd: folder, stdio: "ignore" }).status === 0;
}

function unavailable(test: Mocha.Context, name: string): never {
    if (process.env.CI) throw new Error(`the Debian package ${name} cannot be downloaded here`);
    if (test.test) test.test.title += ` (skipped: the Debian package ${name} cannot be downloaded)`;
    return test.skip();
}

// Makes a fresh clone ready: npm packages, the build, and (for the tests) tools from Debian's packages.
// Plain JavaScript, since nothing is installed yet when it runs.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

export const root = path.resolve(import.meta.dirname, "..");

/**
 * Tools that tests use as independent judges, and what a test without them does not prove. Those that a system of the
 * lab itself works with name it.
 */
const TOOLS = [
    { command: "sgdisk", package: "gdisk", without: "partition tables are not compared with sgdisk's" },
    { command: "qemu-img", package: "qemu-utils", without: "qcow2 images are not compared with qemu's" },
    {
        command: "mkfs.vfat",
        package: "dosfstools",
        lab: ["canvos"],
        without: "FAT images made by mkfs.vfat are not read",
    },
    { command: "mkfs.ext4", package: "e2fsprogs", without: "ext4 images made by mkfs.ext4 are not read" },
    { command: "openssl", package: "openssl", without: "certificates are not compared with openssl's" },
    { command: "xz", package: "xz-utils", without: "xz images are not compared with xz's" },
    { command: "bzip2", package: "bzip2", without: "bzip2 images are not compared with bzip2's" },
    {
        command: "mksquashfs",
        package: "squashfs-tools",
        lab: ["ims", "canvos"],
        without: "no image root is customised",
    },
    {
        command: "busybox",
        package: "busybox-static",
        lab: ["ims", "canvos"],
        without: "no image root is made to be customised",
    },
    {
        command: "/usr/bin/ansible-playbook",
        package: "ansible-core",
        without: "no image root is customised by Ansible",
    },
    { command: "zstd", package: "zstd", without: "zstd images are not compared with zstd's" },
    {
        command: "sshd",
        package: "openssh-server",
        lab: ["ims"],
        without: "what goes over SSH is not tested with a real server",
    },
    {
        command: "rpmbuild",
        package: "rpm",
        without: "rpm databases and version orders are not compared with rpm's",
    },
    {
        command: "mcopy",
        package: "mtools",
        lab: ["canvos"],
        without: "no EFI system partition is filled for a boot",
    },
    {
        command: "sbsign",
        package: "sbsigntool",
        without: "what sbsign signs is not shown to firmware and to the check",
    },
    { command: "dockerd", package: "docker.io", lab: ["canvos"], without: "no image is built" },
    { command: "xorriso", package: "xorriso", lab: ["canvos"], without: "no installer ISO is made" },
    {
        command: "docker-registry",
        package: "docker-registry",
        lab: ["canvos"],
        without: "nothing is pushed to a registry",
    },
    { command: "objcopy", package: "binutils", without: "no unified kernel image is made for a boot" },
    {
        command: "qemu-system-x86_64",
        package: "qemu-system-x86",
        lab: ["canvos"],
        without: "no image is booted",
    },
    {
        command: "grub-mkrescue",
        package: "grub-common",
        lab: ["canvos"],
        without: "no ISO is made that boots",
    },
    {
        command: "/usr/lib/grub/i386-pc/cdboot.img",
        package: "grub-pc-bin",
        lab: ["canvos"],
        without: "no ISO is booted with BIOS",
    },
    {
        command: "/usr/lib/grub/x86_64-efi/moddep.lst",
        package: "grub-efi-amd64-bin",
        lab: ["canvos"],
        without: "no ISO is booted with UEFI",
    },
    {
        command: "/usr/share/OVMF/OVMF_VARS_4M.fd",
        package: "ovmf",
        lab: ["canvos"],
        without: "no image is booted with UEFI",
    },
];

/** Installs the pinned npm packages unless they are there already. */
export function installPackages() {
    const installed = path.join(root, "node_modules/.package-lock.json");
    const lock = path.join(root, "package-lock.json");
    if (fs.existsSync(installed) && fs.statSync(installed).mtimeMs >= fs.statSync(lock).mtimeMs) return;
    say("installing npm packages (npm ci)");
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    // npm ci keeps the lock file's own time; the comparison above needs the time of this installation.
    const now = new Date();
    fs.utimesSync(installed, now, now);
}

/** Builds into dist/ unless it is newer than every source. */
export function build() {
    const stamp = path.join(root, "dist/.built");
    const built = fs.existsSync(stamp) ? fs.statSync(stamp).mtimeMs : 0;
    if (newestSource() < built) return;
    say("building (npm run build)");
    // Into a folder of its own first: a lab that runs from dist/ must not lose its files for the time of a build.
    const fresh = path.join(root, `dist.${process.pid}`);
    const tsc = path.join(root, "node_modules/typescript/bin/tsc");
    fs.rmSync(fresh, { recursive: true, force: true });
    run(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", fresh]);
    // npm makes a command executable when it links it, which here is before the first build.
    fs.chmodSync(path.join(fresh, "cli/main.js"), 0o755);
    fs.cpSync(path.join(root, "lab/canvos/tree"), path.join(fresh, "lab/canvos/tree"), { recursive: true });
    fs.writeFileSync(path.join(fresh, ".built"), "");
    fs.rmSync(path.join(root, "dist"), { recursive: true, force: true });
    fs.renameSync(fresh, path.join(root, "dist"));
}

/** Installs missing tools where that is possible, and says what is switched off where it is not. */
export function installTools() {
    install(TOOLS, "the tests");
}

/** Those that the lab's systems work with. */
export function installLabTools(systems) {
    const needed = TOOLS.filter(({ lab = [] }) => lab.some((system) => systems.includes(system)));
    install(needed, `the lab's ${systems.join(" and ")}`);
}

function install(tools, user) {
    const missing = tools.filter((tool) => !onPath(tool.command));
    if (missing.length === 0) return;
    const packages = missing.map((tool) => tool.package);
    if (process.getuid?.() === 0 && onPath("apt-get")) {
        say(`installing Debian packages for ${user}: ${packages.join(" ")}`);
        const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
        spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore", env });
        spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
            stdio: ["ignore", "ignore", "inherit"],
            env,
        });
    }
    for (const tool of missing.filter((candidate) => !onPath(candidate.command))) {
        say(`${tool.command} is missing (Debian package ${tool.package}): ${tool.without}`);
    }
}

export function run(command, args, options = {}) {
    const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
    if (error) throw error;
    if (status !== 0) process.exit(status ?? 1);
}

function say(text) {
    console.error(`set-up: ${text}`);
}

function onPath(command) {
    if (path.isAbsolute(command)) return fs.existsSync(command);
    const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/sbin"];
    return folders.some((folder) => fs.existsSync(path.join(folder, command)));
}

function newestSource() {
    const sources = ["provider", "components", "lab", "cli"]
        .map((folder) => path.join(root, folder))
        .filter((folder) => fs.existsSync(folder))
        .flatMap((folder) =>
            fs
                .readdirSync(folder, { recursive: true, withFileTypes: true })
                .filter((entry) => entry.isFile())
                .map((entry) => path.join(entry.parentPath, entry.name)),
        );
    const files = [
        ...sources,
        ...["index.ts", "tsconfig.json", "tsconfig.build.json"].map((f) => path.join(root, f)),
    ];
    return Math.max(...files.map((file) => fs.statSync(file).mtimeMs));
}

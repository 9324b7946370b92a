import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { liveScript, type LiveSystem } from "../../lab/canvos/liveSystem";
import type { ArchiveEntry } from "../../lab/canvos/ramDisk";
import { debianKernel } from "./debianPackages";
import { tinySystem, writeFile } from "./tinySystem";
import { needsTool } from "./tools";

/** What the system on a bootable ISO does. */
export interface BootableSystem extends LiveSystem {
    /**
     * Its first entry writes a system of the same kind to the disk, with these files, by their path without the first slash.
     * Without it the image is half as large, and so starts sooner.
     */
    overlay?: Readonly<Record<string, string>>;
    /** More files of the ISO, such as `rootfs.squashfs` and `files-iso/config.yaml`. */
    files?: Readonly<Record<string, string | Buffer>>;
}

export { ACTIVE } from "../../lab/canvos/liveSystem";
/** Folder of the installed system that outlives a restart; all others do not. */
export const PERSISTENT = "/etc/modprobe.d";
/** Places of the boot menu. */
export const MENU = { install: 0, manual: 1, broken: 2 } as const;

/** In the order in which they need each other. */
const VIRTIO = [
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
];
/** Where on its disk an installed system keeps what has to last: behind itself. */
const KEPT_AT_MIB = 48;

/**
 * A small installer ISO that boots with BIOS and UEFI, laid out and named as CanvOS's: Debian's kernel, busybox, a menu of
 * three entries, a login as root.
 */
export function bootableIso(test: Mocha.Context, folder: string, system: BootableSystem = {}): string {
    needsTool(test, "xorriso");
    needsTool(test, "mformat");
    for (const modules of ["/usr/lib/grub/i386-pc/cdboot.img", "/usr/lib/grub/x86_64-efi/moddep.lst"]) {
        needsTool(test, modules);
    }
    return makeIso(test, folder, "palette-edge-installer", {
        script: systemScript(system, true),
        files: system.overlay ? [...modulesOf(test), installedSystem(test, folder, system)] : [],
        grub: installerMenu(),
        tree: system.files ?? {},
    });
}

function installedSystem(test: Mocha.Context, folder: string, system: BootableSystem): ArchiveEntry {
    const image = makeIso(test, folder, "installed", {
        script: systemScript(system, false),
        files: modulesOf(test),
        grub: `set timeout=0\n${serial}\n${menuEntry("Palette eXtended Kubernetes Edge", "edge.installed")}`,
        options: ["-d", "/usr/lib/grub/i386-pc"],
    });
    const content = zlib.gzipSync(fs.readFileSync(image), { level: 1 });
    return { name: "installed.gz", mode: 0o100644, content };
}

const serial =
    "serial --unit=0 --speed=115200\nterminal_input serial console\nterminal_output serial console";

function installerMenu(): string {
    const title = "Palette eXtended Kubernetes Edge Installer";
    return [
        "set timeout=20",
        "set default=0",
        serial,
        menuEntry(title, "edge.install"),
        menuEntry(`${title} (manual)`, "edge.manual"),
        menuEntry("Broken", "rdinit=/missing"),
    ].join("\n");
}

function menuEntry(title: string, argument: string): string {
    const commandLine = `root=live:CDLABEL=COS_LIVE console=ttyS0 quiet panic=-1 ${argument}`;
    return `menuentry "${title}" {\n  linux /boot/kernel ${commandLine}\n  initrd /boot/initrd\n}\n`;
}

function makeIso(
    test: Mocha.Context,
    folder: string,
    name: string,
    from: {
        script: string;
        files: readonly ArchiveEntry[];
        grub: string;
        options?: readonly string[];
        tree?: Readonly<Record<string, string | Buffer>>;
    },
): string {
    const { kernel, initrd } = tinySystem(test, from.script, from.files);
    const tree = fs.mkdtempSync(path.join(folder, `${name}-`));
    const put = (file: string, content: string | Buffer): void => {
        fs.mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
        writeFile(tree, file, content);
    };
    for (const [file, content] of Object.entries(from.tree ?? {})) put(file, content);
    put("boot/kernel", fs.readFileSync(kernel));
    put("boot/initrd", initrd);
    put("boot/grub2/grub.cfg", from.grub);
    put("boot/grub/grub.cfg", "configfile /boot/grub2/grub.cfg\n");
    const out = path.join(folder, `${name}.iso`);
    const small = ["--locales=", "--themes=", "--fonts=", "--compress=xz"];
    const args = [...(from.options ?? []), ...small, "-o", out, tree, "--", "-volid", "COS_LIVE"];
    const { status, stderr } = spawnSync("grub-mkrescue", args);
    if (status !== 0) throw new Error(`grub-mkrescue: ${stderr.toString()}`);
    return out;
}

/** What the kernel needs to see a disk. */
function modulesOf(test: Mocha.Context): ArchiveEntry[] {
    const modules = path.join(path.dirname(debianKernel(test)), "../lib/modules");
    const files = fs.readdirSync(modules, { recursive: true, encoding: "utf8" });
    const found = VIRTIO.flatMap((name) => files.filter((file) => path.basename(file) === `${name}.ko`));
    return [
        { name: "modules", mode: 0o40755 },
        ...found.map((file) => ({
            name: `modules/${path.basename(file)}`,
            mode: 0o100644,
            content: fs.readFileSync(path.join(modules, file)),
        })),
    ];
}

/** A live system that installs itself where its command line says so, or one that was installed. */
function systemScript(system: BootableSystem, isInstaller: boolean): string {
    const { overlay = {} } = system;
    const kept = `dd if=/dev/vda bs=1M skip=${KEPT_AT_MIB} count=1 2>/dev/null`;
    const keep = `tar -c -f /kept.tar -C / etc; dd if=/kept.tar of=/dev/vda bs=1M seek=${KEPT_AT_MIB} 2>/dev/null; sync`;
    return liveScript(system, {
        early: [
            `mkdir -p /etc/lost ${PERSISTENT}`,
            `for module in ${VIRTIO.join(" ")}; do insmod /modules/$module.ko 2>/dev/null; done`,
        ],
        late: [
            ...(isInstaller
                ? [
                      "if grep -q edge.install /proc/cmdline; then",
                      "  zcat /installed.gz >/dev/vda",
                      ...Object.entries(overlay).flatMap(([file, content]) => [
                          `  mkdir -p /${path.dirname(file)}`,
                          `  printf '%s' '${content}' >/${file}`,
                      ]),
                      `  ${keep}`,
                      "  echo Installation completed",
                      "  reboot -f",
                      "fi",
                  ]
                : [`${kept} | tar -x -C / 2>/dev/null`, "rm -rf /etc/lost/*"]),
            // A shell's own function comes before the program of its name.
            `echo 'reboot() { rm -f /etc/lost/* /etc/lost/.[a-z]*; ${keep}; /bin/busybox reboot -f; }' >/shrc`,
        ],
    });
}

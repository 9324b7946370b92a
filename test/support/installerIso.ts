import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

export const LABEL = "COS_LIVE";

/** The menu that CanvOS's installers have, shortened. */
export const GRUB_CFG = `set timeout=5
set default=0
search --no-floppy --file --set=root /boot/kernel
menuentry "Palette eXtended Kubernetes Edge Installer" --class os {
  linux ($root)/boot/kernel cdroot root=live:CDLABEL=${LABEL} rd.live.squashimg=rootfs.squashfs console=ttyS0
  initrd ($root)/boot/initrd
}
menuentry "Palette eXtended Kubernetes Edge Installer (manual)" --class os {
  linux ($root)/boot/kernel cdroot root=live:CDLABEL=${LABEL} console=ttyS0
  initrd ($root)/boot/initrd
}
`;

export type IsoFiles = Readonly<Record<string, string | Buffer>>;

/** Everything that an installer ISO has, in its places. A value of undefined leaves the file out. */
export function installerFiles(userData: string): Record<string, string | Buffer> {
    return {
        "rootfs.squashfs": squashfs(),
        "boot/kernel": "kernel",
        "boot/initrd": "initrd",
        "boot/grub2/grub.cfg": GRUB_CFG,
        "boot/grub/grub.cfg": "configfile /boot/grub2/grub.cfg\n",
        "boot/eltorito.img": Buffer.alloc(2048, 1),
        "files-iso/config.yaml": userData,
    };
}

/** As mksquashfs writes it: a superblock, and as many bytes as it says. */
export function squashfs(used = 8000): Buffer {
    const bytes = Buffer.alloc(Math.ceil(used / 4096) * 4096);
    bytes.write("hsqs", 0);
    bytes.writeUInt32LE(12, 4);
    bytes.writeUInt16LE(4, 28);
    bytes.writeBigUInt64LE(BigInt(used), 40);
    return bytes;
}

export interface InstallerOptions {
    label?: string;
    /** Default both. */
    boot?: readonly ("bios" | "uefi")[];
    /** Of the program in the EFI image. */
    efiProgram?: string;
}

/** An installer ISO made by xorriso, with an EFI image made by mtools. Neither loader does anything. */
export function installerIso(folder: string, files: IsoFiles, options: InstallerOptions = {}): string {
    const { label = LABEL, boot = ["bios", "uefi"], efiProgram = "BOOTX64.EFI" } = options;
    const work = fs.mkdtempSync(path.join(folder, "iso-"));
    const tree = path.join(work, "tree");
    for (const [name, content] of Object.entries(files)) {
        fs.mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
        fs.writeFileSync(path.join(tree, name), content);
    }
    fs.mkdirSync(path.join(tree, "boot"), { recursive: true });
    if (boot.includes("uefi")) efiImage(path.join(tree, "boot/uefi.img"), efiProgram, work);
    const file = path.join(work, "palette-edge-installer.iso");
    const bios = ["-b", "boot/eltorito.img", "-no-emul-boot", "-boot-load-size", "4"];
    const uefi = ["-e", "boot/uefi.img", "-no-emul-boot"];
    const entries = [
        ...(boot.includes("bios") ? bios : []),
        ...(boot.length === 2 ? ["-eltorito-alt-boot"] : []),
        ...(boot.includes("uefi") ? uefi : []),
    ];
    call("xorriso", ["-as", "mkisofs", "-quiet", "-R", "-V", label, "-o", file, ...entries, tree]);
    return file;
}

function efiImage(file: string, program: string, work: string): void {
    const content = path.join(work, "program.efi");
    fs.writeFileSync(content, "MZ");
    fs.writeFileSync(file, "");
    fs.truncateSync(file, 1024 * 1024);
    call("mkfs.vfat", ["-F", "12", file]);
    call("mmd", ["-i", file, "::/EFI", "::/EFI/BOOT"]);
    call("mcopy", ["-i", file, content, `::/EFI/BOOT/${program}`]);
}

function call(program: string, args: readonly string[]): void {
    const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
    const { status, stderr } = spawnSync(program, args, { env });
    if (status !== 0) throw new Error(`${program}: ${stderr.toString()}`);
}

import { missingTools, type Tool } from "../tools";

/** What images are built, pushed and booted with, by the Debian package that has it. */
const TOOLS: readonly Tool[] = [
    ["git", "git"],
    ["docker", "docker.io"],
    ["docker-registry", "docker-registry"],
    ["setpriv", "util-linux"],
    ["busybox", "busybox-static"],
    ["mksquashfs", "squashfs-tools"],
    ["xorriso", "xorriso"],
    ["mkfs.vfat", "dosfstools"],
    ["mcopy", "mtools"],
    ["grub-mkimage", "grub-common"],
    ["/usr/lib/grub/i386-pc/cdboot.img", "grub-pc-bin"],
    ["/usr/lib/grub/x86_64-efi/moddep.lst", "grub-efi-amd64-bin"],
    ["qemu-system-x86_64", "qemu-system-x86"],
    ["apt-get", "apt"],
    ["dpkg-deb", "dpkg"],
];

/** Fails with what to install where images cannot be built: they are real ones. */
export function assertImagesCanBeBuilt(): void {
    const missing = process.platform === "linux" ? missingTools(TOOLS) : "it needs Linux.";
    if (missing !== undefined) throw new Error(`The lab's CanvOS builds real images, for which ${missing}`);
}

import { compareDebVersions } from "./debVersion";
import type { ImageTree } from "./tree";

/** One kernel of an image. */
export interface Kernel {
    /** As `uname -r` shows it. */
    version: string;
    /** Where its image is; absent: in a unified kernel image on the EFI system partition, or nowhere. */
    image?: string;
    initrd?: string;
    /** How many of its modules the image holds; 0 without a folder of modules. */
    modules: number;
}

const MAX_KERNELS = 50;
const MAX_LIST = 16 * 2 ** 20;

const IMAGE = /^(?:vmlinuz|vmlinux|Image|kernel)-(.+)$/;
const MODULES = "/usr/lib/modules";

/** Kernels by their image in /boot or beside their modules, and by their modules. The newest is the last. */
export async function readKernels(tree: ImageTree): Promise<Kernel[]> {
    const boot = await tree.list("/boot");
    const modules = await modulesFolder(tree);
    const kernels = new Map<string, Kernel>();
    const at = (version: string): Kernel => {
        const known = kernels.get(version) ?? { version, modules: 0 };
        if (kernels.size < MAX_KERNELS) kernels.set(version, known);
        return known;
    };
    for (const name of boot) {
        const version = IMAGE.exec(name)?.[1];
        if (version !== undefined && !version.endsWith(".old")) at(version).image = `/boot/${name}`;
    }
    for (const version of await tree.list(modules)) {
        if (!/^[0-9]/.test(version)) continue;
        const folder = `${modules}/${version}`;
        // A folder with files of removed or foreign drivers alone is no kernel.
        const count = countModules(await tree.readText(`${folder}/modules.dep`, MAX_LIST));
        const beside = await tree.exists(`${folder}/vmlinuz`);
        if (count === 0 && !beside && !kernels.has(version)) continue;
        const kernel = at(version);
        kernel.modules = count;
        if (beside) kernel.image ??= `${folder}/vmlinuz`;
    }
    for (const kernel of kernels.values()) {
        const initrd = await findInitrd(tree, boot, kernel.version, `${modules}/${kernel.version}`);
        if (initrd !== undefined) kernel.initrd = initrd;
    }
    return [...kernels.values()].sort((a, b) => compareDebVersions(a.version, b.version));
}

/** `/usr/lib/modules`, or `/lib/modules` of systems where /lib is no link to it. */
export async function modulesFolder(tree: ImageTree): Promise<string> {
    return (await tree.exists(MODULES)) ? MODULES : "/lib/modules";
}

/** Names that initramfs-tools, dracut and kernel-install give. */
async function findInitrd(
    tree: ImageTree,
    boot: readonly string[],
    version: string,
    folder: string,
): Promise<string | undefined> {
    const names = [
        `initrd.img-${version}`,
        `initramfs-${version}.img`,
        `initrd-${version}`,
        `initrd-${version}.img`,
        `initrd.img-${version}.img`,
    ];
    const found = boot.find((name) => names.includes(name));
    if (found !== undefined) return `/boot/${found}`;
    for (const name of ["initrd", "initramfs.img", "initrd.img"]) {
        if (await tree.exists(`${folder}/${name}`)) return `${folder}/${name}`;
    }
    return undefined;
}

/** One line a module in modules.dep. */
function countModules(text = ""): number {
    let count = 0;
    for (const line of text.split("\n")) if (/^[^#\s][^:]*\.ko(\.\w+)?:/.test(line)) count++;
    return count;
}

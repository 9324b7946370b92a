/** What a GRUB configuration offers. */
export interface GrubMenu {
    /** Titles of its entries, in their order. */
    titles: string[];
    /** Kernels and initial RAM disks that its entries start, without the device. */
    files: string[];
    /** Volume labels that kernels are told to find their root file system by. */
    labels: string[];
}

/** Reads the parts of a configuration that are written out; what variables stand for is not followed. */
export function parseGrubMenu(text: string): GrubMenu {
    const lines = text.split(/\r?\n/).map((line) => line.replace(/^\s*#.*$/, "").trim());
    const titles = lines.flatMap((line) => {
        const [, double, single, bare] = /^menuentry\s+(?:"([^"]*)"|'([^']*)'|(\S+))/.exec(line) ?? [];
        return [double ?? single ?? bare].filter((title): title is string => title !== undefined);
    });
    const files = lines.flatMap((line) => {
        const [, words] = /^(?:linux|linuxefi|initrd|initrdefi|\$linux|\$initrd)\s+(.+)$/.exec(line) ?? [];
        const [file] = (words ?? "").split(/\s+/);
        const path = file?.replace(/^["']|["']$/g, "").replace(/^\([^)]*\)/, "") ?? "";
        return /^\/[^$]*$/.test(path) ? [path] : [];
    });
    const labels = [...text.matchAll(/\bCDLABEL=([^\s"'$]+)/g)].map(([, label]) => label ?? "");
    return { titles, files: [...new Set(files)], labels: [...new Set(labels)] };
}

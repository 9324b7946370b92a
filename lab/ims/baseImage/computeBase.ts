import * as fs from "node:fs";
import * as path from "node:path";
import type { ObjectStore } from "../objects";
import type { Image, ImsStore } from "../store";
import { addApt, type LocalPackage } from "./apt";
import { registerImage } from "./register";
import { addApplets, squashedImageRoot } from "./smallRoot";

/** The image that a new system of the lab comes with, as a real one comes with those of its vendor. */
export const BASE_IMAGE = "compute-base";

const KERNEL_VERSION = "6.4.0-lab";
const KERNEL = "a kernel\n";
const MODULES = `lib/modules/${KERNEL_VERSION}`;

/** A small one in the manner of Debian's: what it packs is what the image holds when it is called. */
const MKINITRAMFS = `#!/bin/sh
# mkinitramfs -o FILE VERSION
set -e
[ "$1" = "-o" ] && [ -d "/lib/modules/$3" ] || { echo "usage: mkinitramfs -o FILE VERSION" >&2; exit 1; }
cd /
find bin/busybox etc/modules-load.d "lib/modules/$3" | cpio -o -H newc | gzip > "$2.new"
mv "$2.new" "$2"
echo "made $2 with $(find "lib/modules/$3" -name '*.ko' | wc -l) modules of $3"
`;

const PACKAGES: readonly LocalPackage[] = [
    {
        name: "edge-nic-driver",
        description: "kernel module of a network card",
        files: { [`${MODULES}/extra/edge-nic.ko`]: "a module\n" },
    },
    {
        name: "node-health",
        description: "tells how a node is",
        files: { "opt/node-health/health.conf": "interval = 60\n" },
    },
];

/** Puts the base image into the service, unless it is there. */
export async function addBaseImage(service: {
    readonly store: ImsStore;
    readonly objects: ObjectStore;
}): Promise<Image> {
    const present = service.store.images.list().find(({ name }) => name === BASE_IMAGE);
    if (present) return present;
    const rootfs = squashedImageRoot(fill);
    const content = { rootfs, kernel: Buffer.from(KERNEL), initrd: Buffer.from("an initrd\n") };
    return registerImage(BASE_IMAGE, content, service);
}

/** What a compute node's image has beside the least: a kernel's modules, and packages to install with apt. */
function fill(root: string): void {
    const write = (file: string, content: string, mode = 0o644): void => {
        fs.mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
        fs.writeFileSync(path.join(root, file), content, { mode });
    };
    write("etc/os-release", 'ID=compute\nVERSION_ID="1"\nPRETTY_NAME="Compute base of the lab"\n');
    write(`${MODULES}/kernel/ext4.ko`, "a module\n");
    fs.mkdirSync(path.join(root, "etc/modules-load.d"));
    write("usr/sbin/mkinitramfs", MKINITRAMFS, 0o755);
    addApplets(root, ["cpio", "gzip"]);
    addApt(root, PACKAGES);
}

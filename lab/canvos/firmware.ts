import * as fs from "node:fs";
import * as path from "node:path";
import { buildPackage, buildRepository, type LocalPackage } from "../ims/baseImage/apt";
import { KERNEL_VERSION } from "./baseImages";
import { standInProgram } from "./systemImage";

const DOCA_VERSION = "3.2.1-044000-25.10-ubuntu2404";
/** Names of NVIDIA's releases, of which these are stand-ins. */
export const DOCA_FILE = `doca-host_${DOCA_VERSION}_amd64.deb`;
export const BFB_FILE = "bf-bundle-3.2.1-34_25.11_ubuntu-24.04_64k_prod.bfb";

const MODULE = "mlx5_core.ko";
const OFED = "mlnx-ofed-kernel/25.10";
const MST = '#!/bin/sh\necho "-E- no devices were found" >&2\nexit 1\n';

/** What `doca-all` brings along: kernel modules of DKMS, as they are once they are built, and the firmware tools. */
const PACKAGES: readonly LocalPackage[] = [
    {
        ...{
            name: "doca-all",
            version: "3.2.1-044000",
            architecture: "amd64",
            description: "stand-in for DOCA",
        },
        depends: ["doca-ofed", "mlnx-ofed-kernel-dkms", "mft"],
        files: {},
    },
    {
        ...{ name: "doca-ofed", version: "3.2.1-044000", architecture: "amd64", files: {} },
        description: "stand-in for DOCA's networking",
    },
    {
        ...{
            name: "mlnx-ofed-kernel-dkms",
            version: "25.10",
            description: "stand-in for DOCA's kernel modules",
        },
        files: {
            [`var/lib/dkms/${OFED}/${KERNEL_VERSION}/x86_64/module/${MODULE}`]: "a module\n",
            [`lib/modules/${KERNEL_VERSION}/updates/dkms/${MODULE}`]: "a module\n",
        },
    },
    {
        ...{
            name: "mft",
            version: "4.34.1",
            architecture: "amd64",
            description: "stand-in for the firmware tools",
        },
        files: { "usr/bin/mst": MST, "usr/bin/mlxconfig": standInProgram("mlxconfig") },
        programs: ["usr/bin/mst", "usr/bin/mlxconfig"],
    },
];

/** Stand-ins for NVIDIA's firmware, in a folder: the package that brings `doca-all`, as the real one does, and a bundle. */
export function writeFirmware(folder: string): void {
    fs.mkdirSync(folder, { recursive: true });
    const work = fs.mkdtempSync(path.join(folder, ".work-"));
    try {
        buildRepository(work, PACKAGES);
        const place = `usr/share/doca-host-${DOCA_VERSION}/repo`;
        const repository = fs
            .readdirSync(work)
            .map((name) => [`${place}/${name}`, fs.readFileSync(path.join(work, name))]);
        buildPackage(
            {
                ...{ name: "doca-host", version: DOCA_VERSION, architecture: "amd64" },
                description: "stand-in for DOCA's package source",
                files: {
                    ...(Object.fromEntries(repository) as Record<string, Buffer>),
                    "etc/apt/sources.list.d/doca.list": `deb [trusted=yes] file:/${place} ./\n`,
                },
            },
            work,
        );
        fs.writeFileSync(path.join(folder, BFB_FILE), "a stand-in of the lab for BlueField's firmware\n");
        fs.renameSync(path.join(work, "doca-host.deb"), path.join(folder, DOCA_FILE));
    } finally {
        fs.rmSync(work, { recursive: true, force: true });
    }
}

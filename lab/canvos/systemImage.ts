import * as fs from "node:fs";
import * as path from "node:path";
import { addApt, type LocalPackage } from "../ims/baseImage/apt";
import { addApplets, copyWithLibraries } from "../ims/baseImage/smallRoot";
import { KERNEL_VERSION } from "./baseImages";

/** Packages of Ubuntu by their names: each with the programs that it is known by, which only say who they are. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
    "gcc-14": ["usr/bin/gcc-14"],
    "libgcc-14-dev": [],
    "gcc-12": ["usr/bin/gcc-12"],
    "libgcc-12-dev": [],
    dkms: ["usr/sbin/dkms"],
    lldpd: ["usr/sbin/lldpd", "usr/sbin/lldpcli"],
    "netplan.io": ["usr/sbin/netplan"],
    pv: ["usr/bin/pv"],
    psmisc: ["usr/bin/killall", "usr/bin/fuser"],
    "nfs-common": ["usr/sbin/mount.nfs"],
    grepcidr: ["usr/bin/grepcidr"],
};
const APPLETS = "awk bash cut env find id readlink sort tar tr true uname wc xargs".split(" ");
/** Installed in the image, and not to be changed by what is installed later. */
const INSTALLED = ["base-files", `linux-image-${KERNEL_VERSION}`, `linux-headers-${KERNEL_VERSION}`];

/** Gives a base image what an appliance is installed with: apt and dpkg, and a repository of Ubuntu's packages. */
export function addPackaging(root: string): void {
    addApt(root, Object.entries(PROGRAMS).map(ubuntuPackage));
    addApplets(root, APPLETS);
    for (const program of ["/usr/bin/apt-mark", "/usr/bin/dpkg-query"]) copyWithLibraries(program, root);
    const write = (file: string, content: string): void => fs.writeFileSync(path.join(root, file), content);
    write("var/lib/dpkg/status", INSTALLED.map(statusOf).join("\n"));
    for (const name of INSTALLED) write(`var/lib/dpkg/info/${name}.list`, "/.\n");
    write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    write("etc/group", "root:x:0:\n");
    fs.mkdirSync(path.join(root, "tmp"), { recursive: true });
    fs.chmodSync(path.join(root, "tmp"), 0o1777);
}

/** A program that says what it stands for. */
export function standInProgram(name: string): string {
    return `#!/bin/sh\necho "${name}: a stand-in of the lab"\n`;
}

function ubuntuPackage([name, programs]: [string, readonly string[]]): LocalPackage {
    return {
        ...{ name, programs, architecture: "amd64", description: `stand-in for Ubuntu's ${name}` },
        files: {
            [`usr/share/doc/${name}/README.Debian`]: `${name}: a stand-in of the lab\n`,
            ...Object.fromEntries(programs.map((each) => [each, standInProgram(path.basename(each))])),
        },
    };
}

function statusOf(name: string): string {
    const fields = ["Status: install ok installed", "Architecture: amd64", "Version: 13"];
    return [
        `Package: ${name}`,
        ...fields,
        "Maintainer: Nobody <nobody@example.com>",
        `Description: ${name}`,
        "",
    ].join("\n");
}

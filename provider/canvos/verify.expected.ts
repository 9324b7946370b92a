import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { addBytes } from "../process/treeDigest";
import type { ExpectedFile, ExpectedLink } from "./verify.types";

/** Packages of every appliance, as the edge-appliance wrapper installs them. */
const APPLIANCE_PACKAGES = ["lldpd", "netplan.io", "pv", "psmisc", "nfs-common", "grepcidr"] as const;
/** Where the appliance looks for BlueField firmware. */
const FIRMWARE_FOLDER = "/opt/spectrocloud/spcx/bfb";
/** The script that prepares a node, where the appliance's agents start it. */
export const NODEPREP = "/opt/spectrocloud/nodeprep.sh";

/**
 * The files and links of a local folder as they must come out of a build, below `at`. A link's permissions are nobody's,
 * and folders are made by what is in them.
 */
export async function expectedFiles(folder: string, at = "/"): Promise<(ExpectedFile | ExpectedLink)[]> {
    const found: (ExpectedFile | ExpectedLink)[] = [];
    for (const entry of (await fs.readdir(folder, { withFileTypes: true })).sort(byName)) {
        const file = path.join(folder, entry.name);
        const place = path.posix.join(at, entry.name);
        if (entry.isDirectory()) found.push(...(await expectedFiles(file, place)));
        else if (entry.isSymbolicLink()) found.push({ path: place, target: await fs.readlink(file) });
        else if (entry.isFile()) found.push(await expectedFile(file, place));
    }
    return found;
}

/** One local file, under the path it has in an image. */
export async function expectedFile(file: string, place: string): Promise<ExpectedFile> {
    const hash = crypto.createHash("sha256");
    await addBytes(hash, file);
    return { path: place, sha256: hash.digest("hex"), mode: (await fs.stat(file)).mode & 0o777 };
}

/** A text that is written into the build, under the path that it has in an image. */
export function expectedText(text: string, place: string): ExpectedFile {
    return { path: place, sha256: crypto.createHash("sha256").update(text).digest("hex") };
}

/** What an appliance's image must have installed: DOCA wholly, not only the package that brings its repository. */
export function appliancePackages(hasDoca: boolean, more: readonly string[] = []): string[] {
    return [...new Set([...APPLIANCE_PACKAGES, ...(hasDoca ? ["doca-all"] : []), ...more])];
}

/** The compiler that kernel modules of this version of Ubuntu are built with. */
export function applianceCompiler(osVersion: string): string {
    return osVersion.startsWith("24") ? "gcc-14" : "gcc-12";
}

export function firmwarePath(name: string): string {
    return `${FIRMWARE_FOLDER}/${name}`;
}

/** Firmware where the appliance looks for it. Its mode does not matter. */
export function firmwareFile(name: string, sha256: string): ExpectedFile {
    return { path: firmwarePath(name), sha256 };
}

function byName(a: { name: string }, b: { name: string }): number {
    return a.name < b.name ? -1 : 1;
}

import { ImageDamage } from "../check";
import { readArchitecture } from "./architecture";
import { type CloudInit, readCloudInit } from "./cloudInit";
import { parseDpkgStatus } from "./dpkg";
import { type Kernel, modulesFolder, readKernels } from "./kernels";
import { type OsRelease, parseOsRelease } from "./osRelease";
import type { InstalledPackage, PackageList } from "./packages";
import { type PciModules, readPciModules } from "./pciModules";
import { readRpmDatabase, readRpmDatabaseInPlaces } from "./rpmDatabase";
import { type ImageTree, NotReadableHere } from "./tree";
import { readUnits, type Units } from "./units";

/** What is known of a root file system. Plain data; a part that could not be read is missing, and `unread` says why. */
export interface RootContents {
    os?: OsRelease;
    architecture?: string;
    packages?: PackageList;
    kernels?: Kernel[];
    units?: Units;
    cloudInit?: CloudInit;
    pci?: PciModules;
    unread: Partial<Record<ContentPart, string>>;
    /** Those of the unread that are damaged, rather than of a kind that is not read here. */
    damaged?: ContentPart[];
}

export type ContentPart = "os" | "architecture" | "packages" | "kernels" | "units" | "cloudInit" | "pci";

const MAX_TEXT = 64 * 1024;
const MAX_STATUS = 32 * 2 ** 20;
const MAX_RPM = 128 * 2 ** 20;
const RPM_FOLDERS = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"] as const;

/** Reads all parts; one that is damaged does not hide the others. */
export async function readContents(tree: ImageTree): Promise<RootContents> {
    const contents: RootContents = { unread: {} };
    const read = async <T>(part: ContentPart, action: () => Promise<T>): Promise<T | undefined> => {
        try {
            return await action();
        } catch (error) {
            if (!(error instanceof ImageDamage)) throw error;
            contents.unread[part] = error.message;
            if (!(error instanceof NotReadableHere)) (contents.damaged ??= []).push(part);
            return undefined;
        }
    };
    const os = await read("os", () => readOs(tree));
    const architecture = await read("architecture", () => readArchitecture(tree));
    const packages = await read("packages", () => readPackages(tree));
    const kernels = await read("kernels", () => readKernels(tree));
    const units = await read("units", () => readUnits(tree));
    const cloudInit = units && (await read("cloudInit", () => readCloudInit(tree, packages, units)));
    const newest = kernels?.filter(({ modules }) => modules > 0).at(-1)?.version;
    const pci =
        newest === undefined
            ? undefined
            : await read("pci", async () =>
                  readPciModules(tree, `${await modulesFolder(tree)}/${newest}`, newest),
              );
    return {
        ...contents,
        ...(os ? { os } : {}),
        ...(architecture === undefined ? {} : { architecture }),
        ...(packages ? { packages } : {}),
        ...(kernels ? { kernels } : {}),
        ...(units ? { units } : {}),
        ...(cloudInit ? { cloudInit } : {}),
        ...(pci ? { pci } : {}),
    };
}

async function readOs(tree: ImageTree): Promise<OsRelease | undefined> {
    for (const file of ["/etc/os-release", "/usr/lib/os-release"]) {
        const text = await tree.readText(file, MAX_TEXT);
        if (text !== undefined) return parseOsRelease(text);
    }
    return undefined;
}

async function readPackages(tree: ImageTree): Promise<PackageList | undefined> {
    const status = await tree.readText("/var/lib/dpkg/status", MAX_STATUS);
    if (status !== undefined && status.trim() !== "") {
        return { manager: "dpkg", packages: byName(parseDpkgStatus(status)) };
    }
    for (const folder of RPM_FOLDERS) {
        const log = await tree.entry(`${folder}/rpmdb.sqlite-wal`);
        const file = `${folder}/rpmdb.sqlite`;
        if (!(await tree.exists(file))) continue;
        if (log && log.size > 0) {
            throw new NotReadableHere(
                "the rpm database was not closed (rpmdb.sqlite-wal is not empty), so its list may be old: run rpm --rebuilddb in the image",
            );
        }
        return { manager: "rpm", packages: byName(await readRpmPackages(tree, file)) };
    }
    for (const [file, what] of [
        ["/var/lib/rpm/Packages", "a Berkeley DB"],
        ["/var/lib/rpm/Packages.db", "an ndb"],
        ["/lib/apk/db/installed", "apk's"],
    ] as const) {
        if (await tree.exists(file))
            throw new NotReadableHere(`${file} is ${what} package list, which is not readable here`);
    }
    return undefined;
}

/** Whole where that costs nothing: SQLite itself reads no less. */
async function readRpmPackages(tree: ImageTree, file: string): Promise<InstalledPackage[]> {
    const found = tree.isRemote
        ? await tree.readPlaces(file, MAX_RPM, readRpmDatabaseInPlaces)
        : await tree.read(file, MAX_RPM).then((database) => database && readRpmDatabase(database));
    if (!found) throw new ImageDamage("the rpm database is empty");
    return found;
}

/** The order of a package manager's file changes with every installation. */
function byName(packages: PackageList["packages"]): PackageList["packages"] {
    return packages.sort((a, b) => compare(a.name, b.name) || compare(a.architecture, b.architecture));
}

function compare(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

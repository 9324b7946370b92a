import { slice } from "../image/blockDevice";
import { failed, type ImageCheck, ImageDamage, notChecked, passed, printable } from "../image/check";
import { FatVolume } from "../image/fat";
import { formatSize } from "../image/size";
import { readIsoFile } from "../iso/reader/isoImage";
import { type InstallerIso, isoFileDigest, isoText } from "./iso";
import { type GrubMenu, parseGrubMenu } from "./iso.grub";
import { judgeSecrets, judgeSize } from "./verify.provider";
import type { BuildExpectations } from "./verify.types";

/** Where CanvOS puts user-data: in the installer's own overlay, or at the root for unified kernel images. */
const USER_DATA_PATHS = ["/files-iso/config.yaml", "/config.yaml"] as const;
const GRUB_FILES = ["/boot/grub2/grub.cfg", "/boot/grub/grub.cfg"] as const;
const SQUASHFS = "/rootfs.squashfs";
const MOST_TEXT = 8 * 1024 * 1024;
/** mksquashfs pads to 4 KiB. */
const MOST_PADDING = 1024 * 1024;
const SUPERBLOCK = 96;

/** What an installer ISO is held to. `promised` is the digest that the build told. */
export async function judgeIso(
    iso: InstallerIso,
    expected: BuildExpectations,
    promised: string,
): Promise<ImageCheck[]> {
    const { verify, isUki, isoFiles } = expected;
    const checks = [
        iso.sha256 === promised
            ? passed("iso.sha256", iso.sha256)
            : failed(
                  "iso.sha256",
                  iso.sha256,
                  `the ISO is not the one that was built: its SHA-256 was ${promised}`,
              ),
        judgeSize("iso.size", iso.sizeBytes, verify.iso?.maxSizeBytes),
        judgeWhole(iso),
        judgeLabel(iso, verify.iso?.label ?? (isUki ? "UKI_ISO_INSTALL" : "COS_LIVE")),
        ...(expected.architecture === "amd64" && !isUki ? [judgeBios(iso)] : []),
        await judgeUefi(iso, expected.architecture),
        ...(isUki ? [] : await judgeMenu(iso, verify.iso?.menu ?? [])),
        ...(isUki ? [] : [await judgeSquashfs(iso)]),
        await judgeUserData(iso, expected.userData),
    ];
    for (const { path, sha256 } of isoFiles) checks.push(await judgeFile(iso, path, sha256));
    return [...checks, judgeIsoSecrets(iso, expected)];
}

/** Cut-off ISOs are seen by what they say of themselves. */
function judgeWhole({ image, sizeBytes }: InstallerIso): ImageCheck {
    return image.sizeBytes <= sizeBytes
        ? passed("iso.whole", `${image.entries.size} files`)
        : failed(
              "iso.whole",
              formatSize(sizeBytes),
              `is cut off: it says that it has ${image.sizeBytes} bytes, and has ${sizeBytes}`,
          );
}

function judgeLabel({ image: { label } }: InstallerIso, wanted: string): ImageCheck {
    return label === wanted
        ? passed("iso.label", label)
        : failed(
              "iso.label",
              printable(label),
              `the volume label is ${JSON.stringify(printable(label))}, not ${wanted}: the kernel would not find its root file system`,
          );
}

function judgeBios({ image }: InstallerIso): ImageCheck {
    const entry = image.boot.find(({ platform, isBootable }) => platform === "bios" && isBootable);
    return entry
        ? passed("iso.boot.bios", `${entry.loadBytes} bytes at ${entry.offset}`)
        : failed("iso.boot.bios", describeBoot(image.boot), "has no boot entry for BIOS");
}

async function judgeUefi({ image, device }: InstallerIso, architecture: string): Promise<ImageCheck> {
    const id = "iso.boot.uefi";
    const entry = image.boot.find(({ platform, isBootable }) => platform === "uefi" && isBootable);
    if (!entry) return failed(id, describeBoot(image.boot), "has no boot entry for UEFI");
    const program = architecture === "arm64" ? "BOOTAA64.EFI" : "BOOTX64.EFI";
    try {
        const volume = await FatVolume.open(slice(device, entry.offset, device.size - entry.offset));
        const found = await volume.find(`/EFI/BOOT/${program}`);
        return found !== undefined && found !== "root" && found.size > 0
            ? passed(id, `${program}, ${found.size} bytes`)
            : failed(
                  id,
                  `no ${program}`,
                  `the EFI image holds no /EFI/BOOT/${program}: firmware would start nothing`,
              );
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return failed(
            id,
            "damaged",
            `the EFI image is no FAT file system that can be read (${error.message})`,
        );
    }
}

function describeBoot(boot: InstallerIso["image"]["boot"]): string {
    return (
        boot
            .map(({ platform, isBootable }) => `${platform}${isBootable ? "" : " (not bootable)"}`)
            .join(", ") || "none"
    );
}

/** The menu offers what it should, and what it starts is there. */
async function judgeMenu(iso: InstallerIso, wanted: readonly string[]): Promise<ImageCheck[]> {
    const menu = await readMenu(iso);
    if (!menu) {
        const absent = failed("iso.menu", "absent", `there is no ${GRUB_FILES.join(" and no ")}`);
        return [absent];
    }
    const shown = menu.titles.map((title) => JSON.stringify(printable(title))).join(", ") || "no entry";
    const missing = wanted.filter((title) => !menu.titles.includes(title));
    const lost = menu.files.filter((file) => iso.image.entries.get(file)?.kind !== "file");
    const other = menu.labels.filter((label) => label !== iso.image.label);
    return [
        menu.titles.length > 0 && missing.length === 0
            ? passed("iso.menu", shown)
            : failed(
                  "iso.menu",
                  shown,
                  missing.length > 0
                      ? `the boot menu has no entry ${missing.join(", ")}`
                      : "the boot menu has no entry",
              ),
        menu.files.length > 0 && lost.length === 0
            ? passed("iso.kernel", menu.files.join(", "))
            : failed(
                  "iso.kernel",
                  lost.join(", ") || "none",
                  lost.length > 0
                      ? `the boot menu starts ${lost.join(", ")}, which is not there`
                      : "the boot menu starts no kernel",
              ),
        ...(other.length === 0
            ? []
            : [
                  failed(
                      "iso.menu.label",
                      other.join(", "),
                      `the boot menu looks for a volume ${other.join(", ")}, and this one is ${iso.image.label}`,
                  ),
              ]),
    ];
}

/** The first that has entries: the other is a stub that loads it. */
async function readMenu(iso: InstallerIso): Promise<GrubMenu | undefined> {
    let found: GrubMenu | undefined;
    for (const path of GRUB_FILES) {
        const text = await isoText(iso, path, MOST_TEXT);
        if (text === undefined) continue;
        const menu = parseGrubMenu(text);
        if (menu.titles.length > 0) return menu;
        found ??= menu;
    }
    return found;
}

/** The superblock is sound, and the file as long as it says. */
async function judgeSquashfs({ image, device }: InstallerIso): Promise<ImageCheck> {
    const id = "iso.squashfs";
    const entry = image.entries.get(SQUASHFS);
    if (entry?.kind !== "file")
        return failed(id, "absent", `${SQUASHFS} is not in the ISO: there is no system to install`);
    const [first] = entry.extents;
    if (!first || first.length < SUPERBLOCK)
        return failed(id, `${entry.sizeBytes} bytes`, `${SQUASHFS} is too short to be a file system`);
    const superblock = await device.read(first.offset, SUPERBLOCK);
    if (superblock.toString("latin1", 0, 4) !== "hsqs")
        return failed(id, "another content", `${SQUASHFS} is no squashfs`);
    const used = Number(superblock.readBigUInt64LE(40));
    const inodes = superblock.readUInt32LE(4);
    if (superblock.readUInt16LE(28) !== 4 || inodes === 0)
        return failed(id, "damaged", `the superblock of ${SQUASHFS} is damaged`);
    const seen = `${formatSize(used)}, ${inodes} files`;
    return used <= entry.sizeBytes && entry.sizeBytes - used < MOST_PADDING
        ? passed(id, seen)
        : failed(
              id,
              seen,
              `${SQUASHFS} has ${entry.sizeBytes} bytes, and its superblock says ${used}: it is cut off or damaged`,
          );
}

/** Exactly what was given; a build that leaves user-data out ends well. */
async function judgeUserData(iso: InstallerIso, userData: string | undefined): Promise<ImageCheck> {
    const id = "iso.user-data";
    const found = USER_DATA_PATHS.filter((path) => iso.image.entries.get(path)?.kind === "file");
    if (userData === undefined) {
        return found.length === 0
            ? passed(id, "none, and none given")
            : failed(
                  id,
                  found.join(", "),
                  `${found.join(", ")} is in the ISO, and no userData was given: it comes from the checkout`,
              );
    }
    if (found.length === 0) {
        return failed(
            id,
            "absent",
            `neither ${USER_DATA_PATHS.join(" nor ")} is in the ISO: hosts would start without a site and a token, and wait for a person`,
        );
    }
    const wanted = Buffer.from(userData);
    for (const path of found) {
        const entry = iso.image.entries.get(path);
        const bytes =
            entry && entry.sizeBytes <= MOST_TEXT
                ? await readIsoFile(iso.device, entry, MOST_TEXT)
                : Buffer.alloc(0);
        // Both may hold a token, so neither is shown.
        if (!bytes.equals(wanted)) {
            return failed(
                id,
                `${entry?.sizeBytes ?? 0} bytes`,
                `${path} is not the user-data that was given (${wanted.length} bytes)`,
            );
        }
    }
    return passed(id, `${found.join(", ")}, ${wanted.length} bytes`);
}

async function judgeFile(iso: InstallerIso, path: string, sha256: string): Promise<ImageCheck> {
    const id = `iso.file.${path}`;
    const found = await isoFileDigest(iso, path);
    if (!found) return failed(id, "absent", `${path} is not in the ISO, though it was given to the build`);
    const seen = `${formatSize(found.sizeBytes)}${found.parts > 1 ? ` in ${found.parts} parts` : ""}`;
    return found.sha256 === sha256
        ? passed(id, seen)
        : failed(
              id,
              seen,
              `${path} is not the file that was given: its SHA-256 is ${found.sha256}, not ${sha256}`,
          );
}

/** Secrets of user-data are where it is, on purpose, and must be nowhere else. */
function judgeIsoSecrets(iso: InstallerIso, { secrets, userData = "" }: BuildExpectations): ImageCheck {
    const belong = new Set(secrets.filter(({ value }) => userData.includes(value)).map(({ name }) => name));
    const places: readonly string[] = USER_DATA_PATHS;
    const found = iso.secrets.filter(({ name, where }) => !(belong.has(name) && places.includes(where)));
    const check = judgeSecrets("iso.secrets", { secrets: found, unsearchable: iso.unsearchable });
    return check.verdict === "passed" && belong.size > 0
        ? passed("iso.secrets", "none found beside user-data")
        : check;
}

/** Of an ISO that could not be read at all. */
export function unreadableIso(error: ImageDamage): ImageCheck[] {
    return [
        failed("iso.readable", "damaged", error.message),
        notChecked("iso.user-data", "unreadable", "could not be looked at: the ISO is damaged"),
    ];
}

import { failed, type ImageCheck, notChecked, passed } from "./check";
import type { ContentExpectations } from "./expect.schema";
import { judgeCloudInit } from "./judge/cloudInit";
import { describePartitions, hasName } from "./judge/disk";
import { partOf, type Seen, withoutRoot } from "./judge/seen";
import { judgeAgent, judgeArchitecture, judgePackage, NODE_AGENTS } from "./judge/system";
import { EFI_SYSTEM } from "./gpt";
import { formatSize } from "./size";

/**
 * What EMF's guide "Usage of Custom OS Profile to Provision Edge Nodes" asks of an image, and what the onboarding
 * actions that write and prepare it take for granted (infra-onboarding: tinkerbell templates, fde_dmv). What depends on
 * the fleet rather than on the image (drivers, enrolled certificates) is told as not checked until `expect` names it.
 */
export async function judgePreset(expect: ContentExpectations, seen: Seen): Promise<ImageCheck[]> {
    if (expect.preset === "ubuntu") return judgeUbuntu(expect, seen);
    if (expect.preset === "emt") return judgeEmt(expect, seen);
    return [];
}

async function judgeUbuntu(expect: ContentExpectations, seen: Seen): Promise<ImageCheck[]> {
    return [
        writableFormat("ubuntu.format", seen),
        distribution("ubuntu.os", "ubuntu", "Ubuntu", seen),
        asWarning(release("ubuntu.version", ["22.04", "24.04"], seen)),
        judgeArchitecture("ubuntu.architecture", "x86_64", seen),
        efiPartition("ubuntu.efi-partition", seen),
        ubuntuEfiLabel(seen),
        ubuntuRootFirst(seen),
        ...kernel("ubuntu", seen),
        ...judgeCloudInit("ubuntu.cloud-init", seen, ["NoCloud"]),
        // The agents are installed by apt, on a root file system that can be written to.
        judgePackage("ubuntu.apt", "apt", "present", seen),
        await writableRoot(seen),
        ...(await preparation(seen)),
        ...ofTheFleet("ubuntu", expect),
    ];
}

async function judgeEmt(expect: ContentExpectations, seen: Seen): Promise<ImageCheck[]> {
    return [
        writableFormat("emt.format", seen),
        asWarning(rawGz(seen)),
        distribution("emt.os", "Edge Microvisor Toolkit", "the Edge Microvisor Toolkit", seen),
        asWarning(release("emt.version", ["3"], seen)),
        judgeArchitecture("emt.architecture", "x86_64", seen),
        ...emtLayout(seen),
        emtDisk(seen),
        await emtImmutable(seen),
        ...kernel("emt", seen),
        ...judgeCloudInit("emt.cloud-init", seen, ["NoCloud"]),
        ...NODE_AGENTS.map((agent) => judgeAgent(`emt.agent.${agent}`, agent, seen)),
        // Needed for Intel vPro only.
        asWarning(judgeAgent("emt.agent.platform-manageability-agent", "platform-manageability-agent", seen)),
        ...ofTheFleet("emt", expect),
    ];
}

/** Hosts recognise a qcow2 by its first four bytes: packed, they would write the qcow2 itself to the disk. */
function writableFormat(id: string, { format, compression }: Seen): ImageCheck {
    const seen = compression === "none" ? format : `${format} in ${compression}`;
    return format === "qcow2" && compression !== "none"
        ? failed(
              id,
              seen,
              "hosts write a compressed qcow2 as it is, and the disk does not boot: publish it uncompressed, or as raw.gz",
          )
        : passed(id, seen);
}

function rawGz({ format, compression }: Seen): ImageCheck {
    const seen = compression === "none" ? format : `${format}.${compression}`;
    return format === "raw" && compression === "gz"
        ? passed("emt.raw-gz", seen)
        : failed("emt.raw-gz", seen, "EMF's guide asks for raw.gz for the Edge Microvisor Toolkit");
}

function distribution(id: string, wanted: string, name: string, seen: Seen): ImageCheck {
    const part = partOf(seen, "os", id);
    if ("check" in part) return part.check;
    const found = part.value.id;
    return found.toLowerCase() === wanted.toLowerCase()
        ? passed(id, part.value.prettyName ?? found)
        : failed(id, part.value.prettyName ?? found, `is not made from ${name}, but says ID=${found}`);
}

/** What EMF's own profiles are made of; others may work. */
function release(id: string, releases: readonly string[], seen: Seen): ImageCheck {
    const part = partOf(seen, "os", id);
    if ("check" in part) return part.check;
    const found = part.value.versionId ?? "no VERSION_ID";
    return releases.some((one) => found === one || found.startsWith(`${one}.`))
        ? passed(id, found)
        : failed(id, found, `is release ${found}; EMF's own profiles are made of ${releases.join(" and ")}`);
}

function efiPartition(id: string, { partitions }: Seen): ImageCheck {
    const found = partitions.find(({ type }) => type === EFI_SYSTEM);
    return found
        ? passed(id, `partition ${found.index}`)
        : failed(id, describePartitions(partitions), "has no EFI system partition");
}

/** The action that encrypts the disk finds the partition by this label. */
function ubuntuEfiLabel({ partitions }: Seen): ImageCheck {
    const id = "ubuntu.efi-label";
    const found = partitions.find(({ type }) => type === EFI_SYSTEM);
    const seen = describePartitions(partitions);
    return found && hasName(found, "UEFI")
        ? passed(id, `partition ${found.index}`)
        : failed(
              id,
              seen,
              'the EFI system partition is not labelled "UEFI": set it with fatlabel, full disk encryption looks for it',
          );
}

/** os_selection.sh takes a disk for Ubuntu's when its first partition is ext4, else for the Microvisor's. */
function ubuntuRootFirst({ partitions, root, rootCheck }: Seen): ImageCheck {
    const id = "ubuntu.root-first";
    const seen = describePartitions(partitions);
    const first = partitions.find(({ index }) => index === 1);
    if (first?.fileSystem !== "ext4") {
        return failed(
            id,
            seen,
            "partition 1 is not the ext4 root: with full disk encryption, hosts would take the image for the Edge Microvisor Toolkit",
        );
    }
    if (!root) return withoutRoot(rootCheck, id);
    return root.partition === 1
        ? passed(id, "partition 1, ext4")
        : failed(id, seen, `partition 1 is ext4, but the root is partition ${root.partition}`);
}

/** A kernel with its modules, and the initial RAM disk that goes with it. */
function kernel(prefix: string, seen: Seen): ImageCheck[] {
    const id = `${prefix}.kernel`;
    const part = partOf(seen, "kernels", id);
    if ("check" in part) return [part.check];
    const newest = part.value.at(-1);
    if (!newest) return [failed(id, "none", "there is no kernel in /boot or /usr/lib/modules")];
    const checks = [
        newest.modules > 0
            ? passed(id, `${newest.version}, ${newest.modules} modules`)
            : failed(id, newest.version, `kernel ${newest.version} has no modules in /usr/lib/modules`),
    ];
    // Unified kernel images hold both; they are looked at on the EFI system partition.
    if (prefix === "emt" && newest.image === undefined) return checks;
    if (newest.image === undefined) {
        checks.push(
            failed(`${prefix}.kernel-image`, newest.version, `/boot has no vmlinuz-${newest.version}`),
        );
    }
    checks.push(
        newest.initrd === undefined
            ? failed(
                  `${prefix}.initrd`,
                  newest.version,
                  `kernel ${newest.version} has no initial RAM disk in /boot: run update-initramfs -c -k all`,
              )
            : passed(`${prefix}.initrd`, newest.initrd),
    );
    return checks;
}

/** Agents and packages are installed after the first boot. */
async function writableRoot({ root, rootCheck }: Seen): Promise<ImageCheck> {
    const id = "ubuntu.mutable";
    if (!root) return withoutRoot(rootCheck, id);
    const fstab = (await root.tree.readText("/etc/fstab", 256 * 1024).catch(() => undefined)) ?? "";
    const line = fstab.split("\n").find((text) => /^\s*[^#\s]+\s+\/\s/.test(text));
    const options = line?.trim().split(/\s+/)[3]?.split(",") ?? [];
    return options.includes("ro")
        ? failed(
              id,
              line ?? "",
              "its root is mounted read-only (/etc/fstab): agents and packages cannot be installed",
          )
        : passed(id, line?.trim() ?? "no line in /etc/fstab");
}

/** Files and units that the onboarding action changes; it stops at the first that is missing (ubuntu.yaml). */
async function preparation({ root, rootCheck }: Seen): Promise<ImageCheck[]> {
    const checks: ImageCheck[] = [];
    for (const [id, file] of [
        ["ubuntu.wait-online", "/usr/lib/systemd/system/systemd-networkd-wait-online.service"],
        ["ubuntu.snapd-seeded", "/usr/lib/systemd/system/snapd.seeded.service"],
    ] as const) {
        if (!root) {
            checks.push(withoutRoot(rootCheck, id));
            continue;
        }
        const there = await root.tree.exists(file).catch(() => false);
        const message = `${file} is missing: EMF's step "system-configuration" changes it, and fails without it`;
        checks.push(there ? passed(id, "there") : asWarning(failed(id, "absent", message)));
    }
    return checks;
}

/** Partitions by number, as enable_dmv_emt.sh and enable_fde_emt.sh go by them. */
function emtLayout({ partitions, root, rootCheck }: Seen): ImageCheck[] {
    const seen = describePartitions(partitions);
    const [boot, system, persistent] = [1, 2, 3].map((number) =>
        partitions.find(({ index }) => index === number),
    );
    const more = partitions.filter(({ index }) => index > 3);
    const rootId = "emt.partition.rootfs";
    return [
        boot?.type === EFI_SYSTEM
            ? passed("emt.partition.boot", "partition 1")
            : failed("emt.partition.boot", seen, "partition 1 must be the EFI system partition"),
        !root
            ? withoutRoot(rootCheck, rootId)
            : root.partition === 2 && system
              ? passed(rootId, `partition 2, ${formatSize(system.sizeBytes)}`)
              : failed(
                    rootId,
                    seen,
                    `the root file system must be partition 2, but is partition ${root.partition}`,
                ),
        rootSize(system?.sizeBytes),
        persistent && hasName(persistent, "edge_persistent")
            ? passed("emt.partition.persistent", `partition 3, ${formatSize(persistent.sizeBytes)}`)
            : failed(
                  "emt.partition.persistent",
                  seen,
                  'partition 3 must be "edge_persistent", which keeps data over updates',
              ),
        more.length === 0
            ? passed("emt.partition.count", "3 partitions")
            : failed(
                  "emt.partition.count",
                  seen,
                  "there must be nothing behind partition 3: hosts put the second root, the hash maps and the rest there",
              ),
    ];
}

const ROOT_MEBIBYTES = 4096;

function rootSize(bytes = 0): ImageCheck {
    const id = "emt.partition.rootfs-size";
    return bytes <= ROOT_MEBIBYTES * 2 ** 20
        ? passed(id, formatSize(bytes))
        : failed(
              id,
              formatSize(bytes),
              `is larger than the ${ROOT_MEBIBYTES} MiB that hosts give each of the two roots`,
          );
}

const MINIMUM_DISK = 128e9;
const SMALL_DISK = 32e9;

/** fde_dmv: 128 GB; 32 to 110 GB with the small scheme, which has no encryption. */
function emtDisk({ diskBytes }: Seen): ImageCheck {
    const seen = formatSize(diskBytes);
    return diskBytes <= SMALL_DISK
        ? passed("emt.minimum-disk", `${seen}; hosts need 128 GB, or 32 GB without encryption`)
        : failed(
              "emt.minimum-disk",
              seen,
              `its disk is larger than ${diskBytes <= MINIMUM_DISK ? "32 GB, the smallest that hosts may have" : "128 GB, the size that hosts are asked for"}: leave the growing to the hosts`,
          );
}

/** What makes its images immutable: the root is read-only, with overlays on tmpfs and some folders kept. */
async function emtImmutable({ root, rootCheck }: Seen): Promise<ImageCheck> {
    const id = "emt.immutable";
    if (!root) return withoutRoot(rootCheck, id);
    const layout = await root.tree.readText("/etc/layout.env", 64 * 1024).catch(() => undefined);
    return layout?.includes("PERSISTENT_BIND_PATHS")
        ? passed(id, "/etc/layout.env")
        : failed(
              id,
              layout === undefined ? "no /etc/layout.env" : "/etc/layout.env without PERSISTENT_BIND_PATHS",
              "/etc/layout.env does not say which folders are kept: the image was not made immutable",
          );
}

/** What the guide asks, and only the fleet can answer. */
function ofTheFleet(prefix: string, { pciIds, maxDiskBytes, secureBoot }: ContentExpectations): ImageCheck[] {
    const checks: ImageCheck[] = [];
    if (!pciIds?.length) {
        checks.push(
            notChecked(
                `${prefix}.drivers`,
                "no devices named",
                "name the network, storage and graphics devices of your hosts in expect.pciIds (lspci -n)",
            ),
        );
    }
    if (!secureBoot) {
        const why =
            "give the certificates that your hosts' firmware trusts in expect.secureBoot.certificates";
        checks.push(notChecked(`${prefix}.secure-boot`, "no certificates named", why));
    }
    if (maxDiskBytes === undefined) {
        checks.push(
            notChecked(
                `${prefix}.disk-size`,
                "no disk named",
                "give the size of your hosts' smallest disk in expect.maxDiskBytes",
            ),
        );
    }
    return checks;
}

function asWarning(check: ImageCheck): ImageCheck {
    return check.verdict === "failed" ? { ...check, severity: "warning" } : check;
}

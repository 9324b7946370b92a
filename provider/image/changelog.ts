import type { ImageManifest } from "./manifest";
import { versionOrder } from "./root/packages";
import { formatSize } from "./size";

/** Something that is in both versions, but not the same. */
export interface Changed {
    name: string;
    from: string;
    to: string;
}

/** What one version of an image has that the one before it had not, and the other way round. */
export interface ImageChangelog {
    from: string;
    to: string;
    /** Distribution, architecture, format and sizes that differ. */
    image: Changed[];
    kernels: { added: string[]; removed: string[] };
    packages: {
        added: { name: string; version: string }[];
        removed: { name: string; version: string }[];
        upgraded: Changed[];
        downgraded: Changed[];
    };
    units: { enabled: string[]; noLongerEnabled: string[]; masked: string[]; noLongerMasked: string[] };
    /** Programs on the way from the firmware to the kernel. */
    boot: { added: string[]; removed: string[]; changed: Changed[] };
    partitions: { added: string[]; removed: string[]; changed: Changed[] };
    /** Parts that could not be read in one of the two, so that nothing is said about them. */
    notCompared: string[];
}

/** Compares two versions of an image by their manifests. */
export function changelogOf(before: ImageManifest, after: ImageManifest): ImageChangelog {
    const notCompared = (["packages", "kernels", "units", "boot", "os"] as const).filter(
        (part) =>
            (before[part] === undefined) !== (after[part] === undefined) || isUnread(part, before, after),
    );
    const both = (part: "packages" | "kernels" | "units" | "boot"): boolean =>
        before[part] !== undefined && after[part] !== undefined;
    const kernels = both("kernels")
        ? difference(versionsOf(before), versionsOf(after))
        : { added: [], removed: [] };
    return {
        from: nameOf(before),
        to: nameOf(after),
        image: imageChanges(before, after),
        kernels,
        packages: both("packages")
            ? packageChanges(before, after)
            : { added: [], removed: [], upgraded: [], downgraded: [] },
        units: both("units")
            ? unitChanges(before, after)
            : { enabled: [], noLongerEnabled: [], masked: [], noLongerMasked: [] },
        boot: both("boot")
            ? changesOf(bootFiles(before), bootFiles(after))
            : { added: [], removed: [], changed: [] },
        partitions: changesOf(partitionsOf(before), partitionsOf(after)),
        notCompared,
    };
}

/** Whether nothing that is compared differs. */
export function isUnchanged({ image, kernels, packages, units, boot, partitions }: ImageChangelog): boolean {
    const lists = [kernels, packages, units, boot, partitions].flatMap(
        (part) => Object.values(part) as unknown[][],
    );
    return image.length === 0 && lists.every((list) => list.length === 0);
}

function isUnread(part: string, before: ImageManifest, after: ImageManifest): boolean {
    return before.unread[part] !== undefined || after.unread[part] !== undefined;
}

function nameOf({ image }: ImageManifest): string {
    return image.fileName || `sha256:${image.sha256.slice(0, 16)}`;
}

function imageChanges(before: ImageManifest, after: ImageManifest): Changed[] {
    const describe = ({
        image,
        disk,
        os,
        architecture,
    }: ImageManifest): Record<string, string | undefined> => ({
        "operating system": os && (os.prettyName ?? [os.id, os.versionId].join(" ").trim()),
        architecture,
        format: image.compression === "none" ? image.format : `${image.format} in ${image.compression}`,
        "minimum disk": formatSize(disk.sizeBytes),
        "size of the file": formatSize(image.sizeBytes),
    });
    const [old, now] = [describe(before), describe(after)];
    return Object.keys(old)
        .map((name) => ({ name, from: old[name], to: now[name] }))
        .filter(
            (one): one is Changed => one.from !== undefined && one.to !== undefined && one.from !== one.to,
        );
}

function versionsOf({ kernels = [] }: ImageManifest): string[] {
    return kernels.map(({ version }) => version);
}

function difference(
    before: readonly string[],
    after: readonly string[],
): { added: string[]; removed: string[] } {
    const [old, now] = [new Set(before), new Set(after)];
    return {
        added: [...now].filter((one) => !old.has(one)),
        removed: [...old].filter((one) => !now.has(one)),
    };
}

/** A package may be there several times: for several architectures, or as several kernels. */
function packageChanges(before: ImageManifest, after: ImageManifest): ImageChangelog["packages"] {
    const [old, now] = [versionsByPackage(before), versionsByPackage(after)];
    const order = versionOrder(after.packages?.manager ?? "dpkg");
    const changes: ImageChangelog["packages"] = { added: [], removed: [], upgraded: [], downgraded: [] };
    for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
        const { added, removed } = difference(old.get(name) ?? [], now.get(name) ?? []);
        const [from] = removed;
        const [to] = added;
        if (added.length === 1 && removed.length === 1 && from !== undefined && to !== undefined) {
            const change = { name, from, to };
            if (order(to, from) < 0) changes.downgraded.push(change);
            else changes.upgraded.push(change);
            continue;
        }
        changes.added.push(...added.map((version) => ({ name, version })));
        changes.removed.push(...removed.map((version) => ({ name, version })));
    }
    return changes;
}

function versionsByPackage({ packages }: ImageManifest): Map<string, string[]> {
    const list = packages?.packages ?? [];
    const architectures = new Map<string, Set<string>>();
    for (const { name, architecture } of list) {
        architectures.set(name, (architectures.get(name) ?? new Set()).add(architecture));
    }
    const versions = new Map<string, string[]>();
    for (const { name, version, architecture } of list) {
        const key = (architectures.get(name)?.size ?? 0) > 1 ? `${name}:${architecture}` : name;
        versions.set(key, [...(versions.get(key) ?? []), version]);
    }
    return versions;
}

function unitChanges(before: ImageManifest, after: ImageManifest): ImageChangelog["units"] {
    const enabled = difference(before.units?.enabled ?? [], after.units?.enabled ?? []);
    const masked = difference(before.units?.masked ?? [], after.units?.masked ?? []);
    return {
        enabled: enabled.added,
        noLongerEnabled: enabled.removed,
        masked: masked.added,
        noLongerMasked: masked.removed,
    };
}

function changesOf(
    before: ReadonlyMap<string, string>,
    after: ReadonlyMap<string, string>,
): ImageChangelog["boot"] {
    const { added, removed } = difference([...before.keys()], [...after.keys()]);
    const changed = [...before]
        .map(([name, from]) => ({ name, from, to: after.get(name) ?? from }))
        .filter(({ from, to }) => from !== to);
    return { added, removed, changed };
}

function bootFiles({ boot }: ImageManifest): Map<string, string> {
    return new Map(
        (boot?.files ?? []).map(({ path, kind, sha256, signers }) => [
            path,
            `${kind} ${sha256.slice(0, 12)}, ${signers.length > 0 ? `signed by ${signers.join(", ")}` : "not signed"}`,
        ]),
    );
}

function partitionsOf({ disk }: ImageManifest): Map<string, string> {
    return new Map(
        disk.partitions.map(({ index, name, label, fileSystem, sizeBytes }) => [
            `partition ${index}`,
            [JSON.stringify(name === "" ? (label ?? "") : name), fileSystem ?? "", formatSize(sizeBytes)]
                .filter(Boolean)
                .join(" "),
        ]),
    );
}

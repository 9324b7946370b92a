import { type BlockDevice, slice } from "../blockDevice";
import { ImageDamage } from "../check";
import { detectFileSystem, NoFileSystem, openFileSystem } from "../fileSystem";
import { describePartition, EFI_SYSTEM, type Partition } from "../gpt";
import { loadBootFile, type LoadedFile, unpacked } from "./bootFile";
import { FileSource } from "./fileSource";
import type { Shim } from "./shim";

/** One step on the way from the firmware to a kernel: what is started, and whose judgement that needs. */
export interface BootLink {
    readonly stage: "loader" | "next" | "kernel";
    readonly loaded: LoadedFile;
    /** Who decides whether it starts: the firmware, or a shim that trusts more than the firmware does. */
    readonly judge: "firmware" | Shim;
    /** Shim asks the program that it starts itself for its revocation generations, and no other. */
    readonly needsSbat: boolean;
}

/** Where the way could not be followed. */
export interface BootGap {
    readonly stage: "next" | "kernel";
    /** Missing: firmware or shim would stop there. Otherwise it is only not known here. */
    readonly isMissing: boolean;
    readonly seen: string;
    readonly message: string;
}

export interface BootPath {
    readonly links: readonly BootLink[];
    readonly gaps: readonly BootGap[];
}

/** What the walk reads from. */
export interface BootDisk {
    readonly disk: BlockDevice;
    readonly partitions: readonly Partition[];
    readonly esp: FileSource;
    readonly espIndex: number;
}

/** Ends of the names of EFI programs, by machine. */
const SUFFIXES: Readonly<Record<string, string>> = { x86_64: "x64", aarch64: "aa64" };
const KERNEL_NAME = /^(vmlinuz|vmlinux|bzImage|Image)(-|$)/;
const MAX_KERNELS = 16;
/** Where systemd-boot looks beside the EFI system partition (XBOOTLDR). */
const EXTENDED_BOOT = "BC13C2FF-59E6-4262-A352-B275FD6F7172";
/** A shim leads to a fallback, that to another shim, and that to a loader; nothing sound is longer. */
const MAX_DEPTH = 6;

/** Follows what firmware would start from the boot loader on, as far as that is decided by files of the image. */
export async function followBootPath(image: BootDisk, loader: LoadedFile): Promise<BootPath> {
    const walk = new Walk(image);
    await walk.from({ stage: "loader", loaded: loader, judge: "firmware", needsSbat: false }, 0);
    return walk;
}

class Walk implements BootPath {
    readonly links: BootLink[] = [];
    readonly gaps: BootGap[] = [];

    constructor(private readonly image: BootDisk) {}

    async from(link: BootLink, depth: number): Promise<void> {
        this.links.push(link);
        const { kind, path } = link.loaded.file;
        if (depth > MAX_DEPTH) return;
        if (kind === "shim") await this.fromShim(link, depth);
        else if (kind === "fallback") await this.fromFallback(link, depth);
        else if (kind === "grub") await this.fromGrub(link);
        else if (kind === "systemd-boot") await this.fromSystemdBoot(link);
        else if (kind === "other") {
            this.gaps.push({
                ...{ stage: "next", isMissing: false, seen: path },
                message: `what ${path} starts is not known here: it is no shim, GRUB, systemd-boot, unified kernel image or kernel`,
            });
        }
    }

    /** From EFI/BOOT a shim starts its fallback when there is one (shim.c, should_use_fallback). */
    private async fromShim({ loaded }: BootLink, depth: number): Promise<void> {
        const { shim, file } = loaded;
        if (!shim) return;
        const folder = file.path.split("/").slice(0, -1).join("/");
        const fallback = `${folder}/fb${suffixOf(file.machine)}.efi`;
        const usesFallback =
            /^EFI\/BOOT$/i.test(folder) && (await this.image.esp.find(fallback)) !== undefined;
        const next = usesFallback ? fallback : `${folder}/${shim.next}`;
        const program = await this.load(next);
        if (program) {
            const link: BootLink = { stage: "next", loaded: program, judge: shim, needsSbat: true };
            return this.from(link, depth + 1);
        }
        this.gaps.push({
            ...{ stage: "next", isMissing: true, seen: `no ${next}` },
            message: `${file.path} is a shim that starts ${next}, and there is no such file`,
        });
    }

    /** Makes boot entries of all EFI/<vendor>/BOOT<arch>.CSV, and starts the first. */
    private async fromFallback({ loaded }: BootLink, depth: number): Promise<void> {
        const { esp } = this.image;
        const list = `BOOT${suffixOf(loaded.file.machine).toUpperCase()}.CSV`;
        let found = 0;
        for (const vendor of await esp.list("EFI")) {
            if (vendor.toUpperCase() === "BOOT") continue;
            const text =
                (await textOf(esp, `EFI/${vendor}/${list}`, "utf16le")) ??
                (await textOf(esp, `EFI/${vendor}/BOOT.CSV`, "utf16le"));
            const name = text?.replace(/^\ufeff/, "").split(",")[0];
            if (name === undefined || !/^[\w.+-]{1,64}$/.test(name)) continue;
            const program = await this.load(`EFI/${vendor}/${name}`);
            if (!program) continue;
            found++;
            // From the next start on it is the firmware that starts this entry.
            await this.from(
                { stage: "next", loaded: program, judge: "firmware", needsSbat: false },
                depth + 1,
            );
        }
        if (found > 0) return;
        this.gaps.push({
            ...{ stage: "next", isMissing: true, seen: `no EFI/*/${list} that names a program` },
            message: `${loaded.file.path} starts what EFI/<vendor>/${list} names, and there is none that names a program`,
        });
    }

    private async fromGrub(link: BootLink): Promise<void> {
        const found = await this.kernels();
        for (const loaded of found.kernels) this.links.push(kernelLink(loaded, link));
        if (found.kernels.length > 0) return;
        this.gaps.push({
            stage: "kernel",
            isMissing: false,
            seen: found.unreadable.join(", ") || "no boot/vmlinuz-*",
            message:
                found.unreadable.length > 0
                    ? "the kernel that GRUB starts lies in a file system that is not readable here"
                    : "no kernel was found for GRUB to start (boot/vmlinuz-* in a root or boot partition)",
        });
    }

    private async fromSystemdBoot(link: BootLink): Promise<void> {
        const { esp, espIndex, partitions } = this.image;
        const found = await this.entriesIn(esp, espIndex);
        for (const partition of partitions.filter(({ type }) => type === EXTENDED_BOOT)) {
            const looked = await this.inPartition(partition, (source) =>
                this.entriesIn(source, partition.index),
            );
            found.push(...(looked.found ?? []));
        }
        for (const loaded of found) this.links.push(kernelLink(loaded, link));
        if (found.length > 0) return;
        this.gaps.push({
            ...{ stage: "kernel", isMissing: false, seen: "no EFI/Linux/*.efi, no loader/entries/*.conf" },
            message: "nothing was found in the EFI system partition for systemd-boot to start",
        });
    }

    /** Unified kernel images, and what boot entries name (Boot Loader Specification). */
    private async entriesIn(source: FileSource, partition: number): Promise<LoadedFile[]> {
        const paths = (await source.list("EFI/Linux"))
            .filter((name) => /\.efi$/i.test(name))
            .map((name) => `EFI/Linux/${name}`);
        for (const name of await source.list("loader/entries")) {
            if (!/\.conf$/i.test(name)) continue;
            const text = await textOf(source, `loader/entries/${name}`, "utf8");
            const [, path] = /^\s*(?:linux|efi|uki)\s+(\S+)/m.exec(text ?? "") ?? [];
            if (path !== undefined) paths.push(path);
        }
        return loadAll(paths, (path) => loadBootFile(source, partition, path));
    }

    private async kernels(): Promise<{ kernels: LoadedFile[]; unreadable: string[] }> {
        const { partitions, esp, espIndex } = this.image;
        const kernels = await this.kernelsIn(esp, espIndex);
        const unreadable: string[] = [];
        for (const partition of partitions) {
            if (partition.type === EFI_SYSTEM) continue;
            const looked = await this.inPartition(partition, (source) =>
                this.kernelsIn(source, partition.index),
            );
            kernels.push(...(looked.found ?? []));
            if (looked.unreadable !== undefined) unreadable.push(looked.unreadable);
        }
        return { kernels, unreadable };
    }

    /** Looks into a partition's file system, where it has one that is readable here. */
    private async inPartition(
        partition: Partition,
        look: (source: FileSource) => Promise<LoadedFile[]>,
    ): Promise<{ found?: LoadedFile[]; unreadable?: string }> {
        const device = slice(this.image.disk, partition.offset, partition.size);
        const where = describePartition(partition);
        const kind = await detectFileSystem(device);
        if (kind !== undefined && kind !== "ext4") return { unreadable: `${kind} in ${where}` };
        const fileSystem = await openFileSystem(device).catch((error: unknown) => {
            if (error instanceof NoFileSystem) return undefined;
            throw error;
        });
        if (!fileSystem) return {};
        try {
            return { found: await look(new FileSource(fileSystem)) };
        } catch (error) {
            if (!(error instanceof ImageDamage)) throw error;
            return { unreadable: `damaged file system in ${where}` };
        } finally {
            await fileSystem.close();
        }
    }

    /** In `/boot` of a root file system, or at the top of a boot partition. */
    private async kernelsIn(source: FileSource, partition: number): Promise<LoadedFile[]> {
        for (const folder of ["boot", "/"]) {
            const names = (await source.list(folder)).filter((name) => KERNEL_NAME.test(name));
            // Without a version it is a link to one of those with one.
            const versions = names.filter((name) => name.includes("-"));
            const paths = (versions.length > 0 ? versions : names).map((name) => `${folder}/${name}`);
            const found = await loadAll(paths, (path) => loadBootFile(source, partition, path, unpacked));
            if (found.length > 0) return found;
        }
        return [];
    }

    private load(path: string): Promise<LoadedFile | undefined> {
        return loadBootFile(this.image.esp, this.image.espIndex, path);
    }
}

async function loadAll(
    paths: readonly string[],
    load: (path: string) => Promise<LoadedFile | undefined>,
): Promise<LoadedFile[]> {
    const found: LoadedFile[] = [];
    for (const path of paths.slice(0, MAX_KERNELS)) {
        const loaded = await load(path);
        if (loaded) found.push(loaded);
    }
    return found;
}

async function textOf(
    source: FileSource,
    path: string,
    encoding: "utf8" | "utf16le",
): Promise<string | undefined> {
    try {
        return await source.readText(path, 64 * 1024, encoding);
    } catch (error) {
        if (error instanceof ImageDamage) return undefined;
        throw error;
    }
}

/** Loaders ask whoever judged them: shim offers its judgement to what it has started. */
function kernelLink(loaded: LoadedFile, { judge }: BootLink): BootLink {
    return { stage: "kernel", loaded, judge, needsSbat: false };
}

function suffixOf(machine: string): string {
    return SUFFIXES[machine] ?? "x64";
}

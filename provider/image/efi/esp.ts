import { type BlockDevice, slice } from "../blockDevice";
import { failed, ImageDamage, type ImageCheck, passed, printable } from "../check";
import { type FileSystem, NoFileSystem, openFileSystem } from "../fileSystem";
import { describePartition, EFI_SYSTEM, type Partition } from "../gpt";
import { loadBootFile, type LoadedFile } from "./bootFile";
import { FileSource } from "./fileSource";

/** The names UEFI looks for on a disk it has not seen before, by architecture. */
const BOOT_LOADERS: Readonly<Record<string, string>> = { x86_64: "BOOTX64.EFI", aarch64: "BOOTAA64.EFI" };

/** The open EFI system partition. Whoever opened it closes it. */
export interface Esp {
    readonly source: FileSource;
    readonly index: number;
    close(): Promise<void>;
}

/** Opens the EFI system partition; the checks say how far that went. */
export async function openEsp(
    disk: BlockDevice,
    partitions: readonly Partition[],
): Promise<{ checks: ImageCheck[]; esp?: Esp }> {
    const partition = partitions.find(({ type }) => type === EFI_SYSTEM);
    if (!partition) {
        const seen = `${partitions.length} partitions, none of type EFI system`;
        return {
            checks: [
                failed("esp.present", seen, "has no EFI system partition: firmware finds nothing to start"),
            ],
        };
    }
    const present = passed("esp.present", describePartition(partition));
    let opened: FileSystem;
    try {
        opened = await openFileSystem(slice(disk, partition.offset, partition.size));
    } catch (error) {
        if (!(error instanceof NoFileSystem)) throw error;
        const { message } = error;
        const why = `the EFI system partition holds no readable FAT file system (${message})`;
        return { checks: [present, failed("esp.opens", message, why)] };
    }
    const { kind } = opened;
    if (kind !== "FAT") {
        await opened.close();
        const why = `the EFI system partition holds ${kind}: firmware reads FAT only`;
        return { checks: [present, failed("esp.opens", kind, why)] };
    }
    const esp = { source: new FileSource(opened), index: partition.index, close: () => opened.close() };
    return { checks: [present], esp };
}

/** What firmware starts from a disk it has not seen before: there, and for the right machine. */
export async function findBootLoader(
    esp: Esp,
    architecture: string | undefined,
): Promise<{ checks: ImageCheck[]; loader?: LoadedFile }> {
    try {
        return await lookForBootLoader(esp, architecture);
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        const reason = printable(error.message, 120);
        const why = `the FAT file system of the EFI system partition is damaged: it ${reason}`;
        return { checks: [failed("esp.opens", reason, why)] };
    }
}

async function lookForBootLoader(
    { source, index }: Esp,
    architecture: string | undefined,
): Promise<{ checks: ImageCheck[]; loader?: LoadedFile }> {
    const names = await source.list("EFI/BOOT");
    const upper = names.map((name) => name.toUpperCase());
    const opens = passed("esp.opens", "FAT");
    const wanted = architecture === undefined ? undefined : BOOT_LOADERS[architecture];
    const candidates = wanted === undefined ? Object.values(BOOT_LOADERS) : [wanted];
    const name = candidates.find((candidate) => upper.includes(candidate));
    if (name === undefined) {
        const seen = names.map((entry) => printable(entry, 20)).slice(0, 6);
        const what = `EFI/BOOT/${candidates.join(" or ")}`;
        const which = wanted === undefined ? "" : `, which ${architecture ?? ""} machines start`;
        return {
            checks: [
                opens,
                failed(
                    "esp.boot-loader",
                    `EFI/BOOT holds ${seen.join(", ") || "nothing"}`,
                    `the EFI system partition has no ${what}${which}: firmware starts nothing from a new disk`,
                ),
            ],
        };
    }
    const loader = await loadBootFile(source, index, `EFI/BOOT/${name}`);
    const present = passed("esp.boot-loader", `EFI/BOOT/${name}`);
    if (!loader) return { checks: [opens, present] };
    return { checks: [opens, present, machineCheck(name, loader)], loader };
}

function machineCheck(name: string, { file, program }: LoadedFile): ImageCheck {
    const id = "esp.machine";
    const place = `EFI/BOOT/${name}`;
    const [needed] = Object.entries(BOOT_LOADERS).find(([, loader]) => loader === name) ?? [""];
    if (!program) {
        const problem = file.problems[0] ?? "cannot be read";
        return failed(id, problem, `${place} ${problem}: firmware cannot start it`);
    }
    if (file.machine !== needed) {
        const why = `${place} is a program for ${file.machine}: firmware starts only ${needed} programs under this name`;
        return failed(id, file.machine, why);
    }
    if (!program.pe.isEfiApplication) {
        return failed(id, "no EFI application", `${place} is no EFI application: firmware does not start it`);
    }
    return passed(id, file.machine);
}

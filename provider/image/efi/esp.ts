import { type BlockDevice, slice } from "../blockDevice";
import { failed, type ImageCheck, passed, printable } from "../check";
import { type FileSystem, NoFileSystem, openFileSystem, type PartitionFs } from "../fileSystem";
import { describePartition, EFI_SYSTEM, type Partition } from "../gpt";

/** The names UEFI looks for on a disk it has not seen before, by architecture. */
const BOOT_LOADERS = ["BOOTX64.EFI", "BOOTAA64.EFI"] as const;

/** The EFI system partition: there, readable, and with a boot loader under the name firmware looks for. */
export async function checkEfiSystem(disk: BlockDevice, partitions: Partition[]): Promise<ImageCheck[]> {
    const partition = partitions.find(({ type }) => type === EFI_SYSTEM);
    if (!partition) {
        return [
            failed(
                "esp.present",
                `${partitions.length} partitions, none of type EFI system`,
                "has no EFI system partition: firmware finds nothing to start",
            ),
        ];
    }
    const present = passed("esp.present", describePartition(partition));
    let esp: FileSystem;
    try {
        esp = await openFileSystem(slice(disk, partition.offset, partition.size));
    } catch (error) {
        if (!(error instanceof NoFileSystem)) throw error;
        const { message } = error;
        return [
            present,
            failed(
                "esp.opens",
                message,
                `the EFI system partition holds no readable FAT file system (${message})`,
            ),
        ];
    }
    try {
        return [present, ...(await lookForBootLoader(esp))];
    } catch (error) {
        const reason = printable((error as Error).message, 120);
        return [
            present,
            failed(
                "esp.opens",
                reason,
                `the FAT file system of the EFI system partition is damaged: ${reason}`,
            ),
        ];
    } finally {
        await esp.close();
    }
}

async function lookForBootLoader({ kind, fs }: FileSystem): Promise<ImageCheck[]> {
    if (kind !== "FAT") {
        return [failed("esp.opens", kind, `the EFI system partition holds ${kind}: firmware reads FAT only`)];
    }
    const opens = passed("esp.opens", "FAT");
    const folder = await findIgnoringCase(fs, ["EFI", "BOOT"]);
    const names = folder === undefined ? [] : await fs.promises.readdir(folder);
    const found = BOOT_LOADERS.find((name) => names.some((entry) => entry.toUpperCase() === name));
    const seen = names.map((name) => printable(name, 20)).slice(0, 6);
    return [
        opens,
        found
            ? passed("esp.boot-loader", `EFI/BOOT/${found}`)
            : failed(
                  "esp.boot-loader",
                  folder === undefined
                      ? "no folder EFI/BOOT"
                      : `EFI/BOOT holds ${seen.join(", ") || "nothing"}`,
                  `the EFI system partition has no EFI/BOOT/${BOOT_LOADERS.join(" or ")}: firmware starts nothing from a new disk`,
              ),
    ];
}

/** FAT keeps names in any case and compares without it. */
async function findIgnoringCase(fs: PartitionFs, steps: readonly string[]): Promise<string | undefined> {
    let folder = "/";
    for (const step of steps) {
        const names = await fs.promises.readdir(folder);
        const name = names.find((entry) => entry.toUpperCase() === step);
        if (name === undefined) return undefined;
        folder = `${folder === "/" ? "" : folder}/${name}`;
    }
    return folder;
}

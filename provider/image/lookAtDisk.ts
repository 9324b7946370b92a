import { type BlockDevice, slice } from "./blockDevice";
import { failed, type ImageCheck, ImageDamage } from "./check";
import type { Compression } from "./compression";
import { lookAtBoot } from "./efi/lookAtBoot";
import type { ContentExpectations } from "./expect.schema";
import { readPartitionContent } from "./fileSystemLabel";
import type { ImageFormat } from "./format";
import { type Partition, readGpt } from "./gpt";
import type { Inspection, PartitionSummary } from "./inspection";
import { judgeDisk } from "./judge/disk";
import { judgeFiles } from "./judge/files";
import type { Rules, Seen } from "./judge/seen";
import { judgeSystem } from "./judge/system";
import { judgePreset } from "./presets";
import { readContents } from "./root/contents";
import { findRoot } from "./root/findRoot";

/** What is known of a disk: its partitions, what starts from it, what its root file system holds. */
export type DiskLook = Pick<Inspection, "partitions" | "checks" | "contents" | "boot">;

/** The order in which the checks are told. */
const RULES: readonly Rules[] = [judgeSoundness, judgePreset, judgeDisk, judgeSystem, judgeFiles];

/** Looks at a disk, and judges it by what is expected. Damage is a failed check, and what lies behind it is not looked at. */
export async function lookAtDisk(
    disk: BlockDevice,
    container: { format: ImageFormat; compression: Compression },
    expect: ContentExpectations = {},
): Promise<DiskLook> {
    const checks: ImageCheck[] = [];
    let partitions: PartitionSummary[] = [];
    try {
        const table = await readGpt(disk);
        checks.push(...table.checks);
        if (table.partitions.length === 0) return { partitions, checks };
        partitions = await summarize(disk, table.partitions);
        const { architecture, secureBoot } = expect;
        const boot = await lookAtBoot({ disk, partitions: table.partitions }, { architecture, secureBoot });
        checks.push(...boot.checks);
        const found = await findRoot(disk, table.partitions);
        try {
            checks.push(found.check);
            const contents = found.root && (await readContents(found.root.tree));
            const seen: Seen = {
                ...container,
                diskBytes: disk.size,
                partitions,
                rootCheck: found.check,
                ...(found.root && contents
                    ? { root: { partition: found.root.partition.index, tree: found.root.tree, contents } }
                    : {}),
            };
            for (const rules of RULES) checks.push(...(await rules(expect, seen)));
            return { partitions, checks, boot: boot.evidence, ...(contents ? { contents } : {}) };
        } finally {
            await found.root?.close();
        }
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return { partitions, checks: [...checks, failed("container.readable", "damaged", error.message)] };
    }
}

/** Of a file system whose damage hides something; one that is sound has no such check. */
function judgeSoundness(_expect: ContentExpectations, { root }: Seen): ImageCheck[] {
    const { damaged = [], unread = {} } = root?.contents ?? {};
    const [first] = damaged;
    if (first === undefined) return [];
    const message = `the root file system is damaged: ${unread[first] ?? ""}. Check it (e2fsck -f), or build the image again`;
    return [failed("root.sound", damaged.join(", "), message)];
}

async function summarize(disk: BlockDevice, partitions: readonly Partition[]): Promise<PartitionSummary[]> {
    const summaries: PartitionSummary[] = [];
    for (const { index, name, type, size, offset } of partitions) {
        const content = await readPartitionContent(slice(disk, offset, size));
        summaries.push({ index, name, type, sizeBytes: size, ...content });
    }
    return summaries;
}

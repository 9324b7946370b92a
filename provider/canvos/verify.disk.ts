import { failed } from "../image/check";
import { type ImageLibrary, isImageError } from "../image/library";
import { formatSize } from "../image/size";
import { applySeverity } from "../image/severity";
import type { VerifyContext } from "./verify";
import type { Artifact } from "./buildFiles";
import type { BuildCheck, BuildExpectations } from "./verify.types";

/** Looks into the raw disks of a build as a `DiskImage` is: container, partition table, EFI system partition. */
export async function verifyDisks(
    artifacts: readonly Artifact[],
    { verify }: BuildExpectations,
    images: ImageLibrary,
    { signal, onProgress }: Pick<VerifyContext, "signal" | "onProgress">,
): Promise<BuildCheck[]> {
    const checks: BuildCheck[] = [];
    for (const { name, path: file } of artifacts.filter(isDisk)) {
        const found = await images
            .inspect(file, {
                ...(signal ? { signal } : {}),
                onProgress: ({ done }) => onProgress?.(`verifying ${name}, ${formatSize(done)} read`),
            })
            .then(
                (inspection) =>
                    // Kairos keeps its root in an image file of a partition, where nothing looks for it here.
                    inspection.checks
                        .filter(({ id }) => !id.startsWith("root."))
                        .map((check) => ({ ...check, id: `disk.${check.id}` })),
                (error: unknown) => {
                    if (!isImageError(error)) throw error;
                    return [failed("disk.readable", "unreadable", error.message)];
                },
            );
        checks.push(...applySeverity(found, verify.severity).map((check) => ({ ...check, artifact: name })));
    }
    return checks;
}

/** For machines, clouds and MAAS; packed or not. */
function isDisk({ name }: Artifact): boolean {
    return /\.(?:raw|img|qcow2)(?:\.(?:gz|xz|bz2|zst))?$/.test(name);
}

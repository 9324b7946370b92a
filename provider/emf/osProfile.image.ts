import { z } from "zod";
import type { Problem } from "../resource/problem";

/** What was seen in the profile's image; newer versions may see more. */
export const imageTraits = z.object({
    efiSystemPartition: z.boolean().optional(),
    microvisorLayout: z.boolean().optional(),
    signedBootPath: z.boolean().optional(),
    operatingSystem: z.string().optional(),
    architecture: z.string().optional(),
});

/** What the profile promises; what is not known yet is left out. */
export interface PromisedImage {
    type?: "MUTABLE" | "IMMUTABLE" | undefined;
    securityFeature?: "NONE" | "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" | undefined;
    architecture?: string | undefined;
}

const MICROVISOR = "edge microvisor toolkit";

/** Where what was seen in the image contradicts what the profile says of it. */
export function traitProblems(
    traits: z.output<typeof imageTraits>,
    { type, securityFeature, architecture }: PromisedImage,
): Problem[] {
    const { efiSystemPartition, microvisorLayout, signedBootPath, operatingSystem } = traits;
    const isMicrovisor =
        operatingSystem === undefined ? undefined : operatingSystem.toLowerCase() === MICROVISOR;
    const problems: Problem[] = [];
    if (efiSystemPartition === false) {
        problems.push({
            path: ["imageUrl"],
            message: "names an image without an EFI system partition: no host would start from it",
        });
    }
    if (type === "IMMUTABLE" && isMicrovisor === false) {
        problems.push({
            path: ["type"],
            message: `is IMMUTABLE, which EMF installs as Edge Microvisor Toolkit, but the image is ${operatingSystem ?? ""}: use MUTABLE, or another image`,
        });
    } else if (type === "IMMUTABLE" && microvisorLayout === false) {
        problems.push({
            path: ["type"],
            message:
                "is IMMUTABLE, but the image has not the partitions of the Edge Microvisor Toolkit (1 EFI system, 2 root, 3 edge_persistent), which hosts extend by number",
        });
    }
    if (type === "MUTABLE" && isMicrovisor === true) {
        problems.push({
            path: ["type"],
            message:
                "is MUTABLE, which EMF installs as Ubuntu, but the image is the Edge Microvisor Toolkit: use IMMUTABLE",
        });
    }
    if (securityFeature === "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" && signedBootPath === false) {
        problems.push({
            path: ["securityFeature"],
            message:
                "wants Secure Boot, but the image's way to boot is not signed: firmware would refuse it. Sign boot loader and kernel, or use NONE",
        });
    }
    if (
        traits.architecture !== undefined &&
        architecture &&
        canonical(architecture) !== canonical(traits.architecture)
    ) {
        problems.push({
            path: ["architecture"],
            message: `is ${architecture}, but the image is built for ${traits.architecture}`,
        });
    }
    return problems;
}

/** Debian, Docker and the kernel call the same machine differently. */
function canonical(architecture: string): string {
    const name = architecture.toLowerCase();
    return name === "amd64" || name === "x64" ? "x86_64" : name === "arm64" ? "aarch64" : name;
}

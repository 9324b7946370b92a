import type { BlockDevice } from "../blockDevice";
import { failed, ImageDamage, type ImageCheck, printable } from "../check";
import type { Partition } from "../gpt";
import { type BootPath, followBootPath } from "./bootChain";
import type { BootFile, LoadedFile } from "./bootFile";
import type { Certificate } from "./certificate";
import { readCertificates } from "./enrolled";
import { type Esp, findBootLoader, openEsp } from "./esp";
import { checkSecureBoot, unsignedPrograms } from "./secureBoot";

/** What an image's way to boot is held to. */
export interface BootExpectations {
    /** `x86_64` or `aarch64`. Default: whichever boot loader is there. */
    readonly architecture?: string;
    /** The certificates that the hosts' firmware trusts, as PEM or base64 of DER: leaf, intermediate or root. */
    readonly secureBoot?: { readonly certificates: readonly string[] };
}

/** What was found on the way from the firmware to the kernel. Plain data, kept in the image's manifest. */
export interface BootEvidence {
    /** In the order in which they are started. */
    files: BootFile[];
    /**
     * Whether all of them, as far as they are known, carry a signature that is in order; whom the hosts trust is
     * another question. False also when there is no boot loader.
     */
    signed: boolean;
    /** Those that do not. */
    unsigned: string[];
    /** Who signed the boot loader. */
    signers: string[];
}

/** Checks of the EFI system partition and, on request, of Secure Boot. */
export async function lookAtBoot(
    { disk, partitions }: { disk: BlockDevice; partitions: readonly Partition[] },
    expected: BootExpectations = {},
): Promise<{ checks: ImageCheck[]; evidence: BootEvidence }> {
    const { checks, esp } = await openEsp(disk, partitions);
    if (!esp) return { checks, evidence: NOTHING };
    try {
        const found = await findBootLoader(esp, expected.architecture);
        checks.push(...found.checks);
        if (!found.loader) return { checks, evidence: NOTHING };
        const path = await follow({ disk, partitions, esp }, found.loader, checks);
        if (!path) return { checks, evidence: evidenceOf({ links: [], gaps: [] }, found.loader) };
        if (expected.secureBoot)
            checks.push(...checkSecureBoot(path, enrolledOf(expected.secureBoot.certificates)));
        return { checks, evidence: evidenceOf(path, found.loader) };
    } finally {
        await esp.close();
    }
}

const NOTHING: BootEvidence = { files: [], signed: false, unsigned: [], signers: [] };

async function follow(
    { disk, partitions, esp }: { disk: BlockDevice; partitions: readonly Partition[]; esp: Esp },
    loader: LoadedFile,
    checks: ImageCheck[],
): Promise<BootPath | undefined> {
    try {
        return await followBootPath({ disk, partitions, esp: esp.source, espIndex: esp.index }, loader);
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        const reason = printable(error.message, 120);
        checks.push(
            failed(
                "esp.boot-path",
                reason,
                `what ${loader.file.path} starts cannot be followed: a file or folder ${reason}`,
            ),
        );
        return undefined;
    }
}

function evidenceOf(path: BootPath, loader: LoadedFile): BootEvidence {
    const files = path.links.length > 0 ? path.links.map(({ loaded }) => loaded.file) : [loader.file];
    const unsigned =
        path.links.length > 0
            ? unsignedPrograms(path)
            : [loader.file].filter(({ signers }) => signers.length === 0).map((file) => file.path);
    return { files, signed: unsigned.length === 0, unsigned, signers: loader.file.signers };
}

/** They were checked where they were given; what cannot be read trusts nothing. */
function enrolledOf(texts: readonly string[]): Certificate[] {
    return texts.flatMap((text) => [...readCertificates(text).certificates]);
}

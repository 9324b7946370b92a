import { failed, type ImageCheck, notChecked, passed } from "../image/check";
import { judgeFiles } from "../image/judge/files";
import type { Seen } from "../image/judge/seen";
import { judgeArchitecture, judgePackage, judgeSystem } from "../image/judge/system";
import { canonicalArchitecture } from "../image/root/architecture";
import { readContents } from "../image/root/contents";
import { parseShellAssignments } from "../image/root/osRelease";
import { formatSize } from "../image/size";
import type { LayeredImage } from "./layers";
import { judgeDkms } from "./verify.dkms";
import { applianceCompiler } from "./verify.expected";
import { judgeExpectedFile } from "./verify.files";
import { judgeKubernetes } from "./verify.kubernetes";
import type { BuildExpectations, ExpectedAppliance } from "./verify.types";

/** Everywhere where CanvOS, distributions and the appliance put programs. */
const PROGRAM_FOLDERS = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/bin"] as const;
const MOST_RELEASE = 64 * 1024;
/** Files that the appliance's services need, of its overlay. */
const APPLIANCE_FILES = [
    "/etc/modprobe.d/blacklist-nouveau.conf",
    "/etc/modprobe.d/ib_core.conf",
    "/etc/lldpd.d/rcp-lldpd.conf",
    "/etc/modules-load.d/nfsrdma.conf",
] as const;

/** What every image of a build is held to: provider images and the installer. */
export async function judgeImage(
    what: "provider" | "installer",
    image: LayeredImage,
    expected: BuildExpectations,
): Promise<{ seen: Seen; checks: ImageCheck[] }> {
    const seen = await seenOf(image);
    const files = what === "provider" ? expected.providerFiles : expected.installerFiles;
    const checks = [
        ...judgeMachine(what, image, expected, seen),
        await judgeKairos(`${what}.kairos`, image),
        judgeSecrets(`${what}.secrets`, image),
    ];
    for (const file of files)
        checks.push(await judgeExpectedFile(`${what}.overlay.${file.path}`, file, image.tree));
    return { seen, checks };
}

/** What a provider image is held to. `version` is the promised one of Kubernetes. */
export async function judgeProviderImage(
    image: LayeredImage,
    expected: BuildExpectations,
    version: string | undefined,
): Promise<ImageCheck[]> {
    const { appliance, verify } = expected;
    const { seen, checks } = await judgeImage("provider", image, expected);
    checks.push(judgeSize("provider.size", image.sizeBytes, verify.maxSizeBytes));
    if (version !== undefined) checks.push(...judgeKubernetes(image.tree, expected.kubernetes, version));
    if (appliance) checks.push(...(await judgeAppliance(image, appliance, seen)));
    const compiler = verify.compiler ?? (appliance && applianceCompiler(appliance.osVersion));
    if (compiler !== undefined) checks.push(await judgeProgram("provider.compiler", compiler, image));
    checks.push(...(await judgeDkms(image.tree, seen, verify.dkms ?? [])));
    if (verify.kernel === undefined && appliance) checks.push(judgeKernelSeries(seen));
    checks.push(...(await judgeAsked(expected, seen)));
    return checks;
}

async function seenOf(image: LayeredImage): Promise<Seen> {
    return {
        format: "raw",
        compression: "none",
        diskBytes: image.sizeBytes,
        partitions: [],
        root: { partition: 0, tree: image.tree, contents: await readContents(image.tree) },
        rootCheck: passed("root.present", "layers"),
    };
}

function judgeMachine(
    what: string,
    { architecture }: LayeredImage,
    expected: BuildExpectations,
    seen: Seen,
): ImageCheck[] {
    const id = `${what}.architecture`;
    if (architecture !== expected.architecture) {
        return [
            failed(id, architecture, `is an image for ${architecture}, not for ${expected.architecture}`),
        ];
    }
    return [judgeArchitecture(id, canonicalArchitecture(expected.architecture), seen)];
}

/** Kairos's own file, or its lines in os-release before that was there. */
async function judgeKairos(id: string, { tree }: LayeredImage): Promise<ImageCheck> {
    for (const file of ["/etc/kairos-release", "/etc/os-release"]) {
        const release = parseShellAssignments((await tree.readText(file, MOST_RELEASE)) ?? "");
        const version = release.get("KAIROS_VERSION") ?? release.get("KAIROS_RELEASE");
        if (version !== undefined)
            return passed(id, `${release.get("KAIROS_FLAVOR") ?? "Kairos"} ${version}`);
    }
    return failed(
        id,
        "no Kairos",
        "neither /etc/kairos-release nor /etc/os-release names a version of Kairos: hosts upgrade to images of Kairos only. " +
            "Take a baseImage that is made with kairos-init",
    );
}

export function judgeSecrets(
    id: string,
    { secrets, unsearchable }: Pick<LayeredImage, "secrets" | "unsearchable">,
): ImageCheck {
    if (secrets.length > 0) {
        const shown = secrets.slice(0, 5).map(({ name, form, where }) => `${name} in ${where} (${form})`);
        const more = secrets.length > 5 ? `, and ${secrets.length - 5} more` : "";
        return failed(
            id,
            `${secrets.length} found`,
            `holds secrets of the build: ${shown.join(", ")}${more}. Whoever can pull it can read them, also from layers ` +
                "below the one that deletes them: give them to the build by other means, and make new ones",
        );
    }
    if (unsearchable.length > 0) {
        return notChecked(
            id,
            "too short",
            `${unsearchable.join(", ")}: shorter than 6 bytes, and so in any image by chance`,
        );
    }
    return passed(id, "none found");
}

export function judgeSize(id: string, size: number, most: number | undefined): ImageCheck {
    return most === undefined || size <= most
        ? passed(id, formatSize(size))
        : failed(id, formatSize(size), `is larger than maxSizeBytes (${formatSize(most)})`);
}

/** What the wrapper's Makefile looks at, stricter where that lets a failed installation pass. */
async function judgeAppliance(
    image: LayeredImage,
    { packages, firmware, nodeprep }: ExpectedAppliance,
    seen: Seen,
): Promise<ImageCheck[]> {
    const checks = packages.map((name) => judgePackage(`provider.package.${name}`, name, "present", seen));
    for (const file of firmware) {
        const name = file.path.slice(file.path.lastIndexOf("/") + 1);
        checks.push(await judgeExpectedFile(`provider.firmware.${name}`, file, image.tree));
    }
    if (nodeprep) {
        const executable = await judgeExecutable("provider.nodeprep", nodeprep.path, image);
        const same = await judgeExpectedFile("provider.nodeprep", nodeprep, image.tree);
        checks.push(same.verdict === "passed" ? executable : same);
    }
    for (const path of APPLIANCE_FILES) {
        const entry = await image.tree.entry(path);
        const id = `provider.appliance.${path}`;
        checks.push(
            entry?.kind === "file"
                ? passed(id, `${entry.size} bytes`)
                : failed(id, entry?.kind ?? "absent", `${path} is not in the image: put it into the overlay`),
        );
    }
    return checks;
}

async function judgeProgram(id: string, name: string, image: LayeredImage): Promise<ImageCheck> {
    for (const folder of PROGRAM_FOLDERS) {
        const path = `${folder}/${name}`;
        if (await image.tree.exists(path)) return judgeExecutable(id, path, image);
    }
    return failed(
        id,
        "absent",
        `${name} is not in ${PROGRAM_FOLDERS.join(", ")}: DKMS could build no module on the host`,
    );
}

async function judgeExecutable(id: string, path: string, { tree }: LayeredImage): Promise<ImageCheck> {
    const entry = await tree.entry(path);
    if (entry?.kind !== "file") return failed(id, entry?.kind ?? "absent", `${path} is not in the image`);
    const mode = entry.mode.toString(8).padStart(4, "0");
    return (entry.mode & 0o111) !== 0
        ? passed(id, `${path}, mode ${mode}`)
        : failed(id, `mode ${mode}`, `${path} is not executable: set its mode to 0755`);
}

/** The kernel that DOCA's modules are made for is the one that Ubuntu came out with. */
function judgeKernelSeries({ root }: Seen): ImageCheck {
    const id = "provider.kernel";
    const kernels = root?.contents.kernels ?? [];
    const newest = kernels.at(-1)?.version;
    if (newest === undefined) return failed(id, "no kernel", "there is no kernel with modules in the image");
    if (/^(?:6\.8|6\.5|5\.15)\./.test(newest)) return passed(id, newest);
    return {
        ...failed(
            id,
            newest,
            `kernel ${newest} is not one that Ubuntu came out with (6.8, 5.15): DOCA's modules may not be built for it; provider.dkms.* tells`,
        ),
        severity: "warning",
    };
}

/** The user's own expectations, by the rules that disk images are held to. */
async function judgeAsked({ verify, appliance }: BuildExpectations, seen: Seen): Promise<ImageCheck[]> {
    const { packages = {}, kernel, units, files } = verify;
    const isJudged = new Set(appliance?.packages);
    const own = Object.entries(packages).filter(
        ([name, wanted]) => wanted !== "present" || !isJudged.has(name),
    );
    const checks = [
        ...(await judgeSystem(
            {
                packages: Object.fromEntries(own),
                ...(kernel === undefined ? {} : { kernel }),
                ...(units ? { units } : {}),
            },
            seen,
        )),
        ...(await judgeFiles(files ? { files } : {}, seen)),
    ];
    return checks.map((check) => ({ ...check, id: `provider.${check.id.replace(/^root\./, "")}` }));
}

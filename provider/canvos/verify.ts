import * as path from "node:path";
import { failed, type ImageCheck, ImageDamage } from "../image/check";
import { bulletList, markdownText } from "../image/markdown";
import { checksMarkdown, sortChecks, verdictLine } from "../image/report";
import { applySeverity } from "../image/severity";
import { formatSize } from "../image/size";
import { EdgeError, messageOf } from "../resource/errors";
import type { BuildResult } from "./build.types";
import type { Docker } from "./docker";
import { readInstallerIso } from "./iso";
import type { LayeredImage, ReadOptions } from "./layers";
import { readImageArchive } from "./layers.archive";
import { judgeIso, unreadableIso } from "./verify.iso";
import { judgeImage, judgeProviderImage } from "./verify.provider";
import type { BuildCheck, BuildExpectations } from "./verify.types";

export interface VerifyContext {
    docker: Docker;
    signal?: AbortSignal | undefined;
    /** Told what is being read, and how far. */
    onProgress?: (text: string) => void;
    /** For what is kept of an image while it is looked at. Default: the system's folder for temporary files. */
    spoolDirectory?: string;
}

const PROGRESS_STEP = 64 * 2 ** 20;

/**
 * Looks into everything that a build has made: nothing of it is run, so that images for other machines are judged too.
 * All checks are made, whatever the first ones say.
 */
export async function verifyBuild(
    result: BuildResult,
    expected: BuildExpectations,
    context: VerifyContext,
): Promise<BuildCheck[]> {
    const checks: BuildCheck[] = [];
    for (const { reference, dockerImageId, kubernetesVersion } of result.images) {
        const found = await lookAtImage(
            "provider",
            { reference, dockerImageId },
            expected,
            context,
            (image) => judgeProviderImage(image, expected, kubernetesVersion),
        );
        checks.push(...found);
    }
    if (result.installerImage) {
        const found = await lookAtImage(
            "installer",
            result.installerImage,
            expected,
            context,
            async (image) => {
                return (await judgeImage("installer", image, expected)).checks;
            },
        );
        checks.push(...found);
    }
    if (result.iso) checks.push(...(await lookAtIso(result.iso, expected, context)));
    return checks;
}

/** Throws the failures of checks together; warnings are left to whoever shows them. */
export function assertVerified(checks: readonly BuildCheck[], logFile: string): void {
    const wrong = sortChecks(checks).failed;
    if (wrong.length === 0) return;
    const lines = wrong.map((check) => `  ${check.id} (${artifactOf(check)}): ${check.message}`);
    throw new EdgeError(
        `the build ended without an error, and what it has made is not what was asked for: ${verdictLine(checks)}\n` +
            `${lines.join("\n")}\n  the build's log: ${logFile}\n` +
            'To let a check be a warning: verify: { severity: { "<id>": "warning" } }',
    );
}

/** A report for a pull request: a part for each image and the ISO. */
export function verificationMarkdown(name: string, checks: readonly BuildCheck[]): string {
    const artifacts = [...new Set(checks.map(artifactOf))];
    const parts = artifacts.map((artifact) =>
        checksMarkdown(
            artifact,
            "",
            checks.filter((check) => artifactOf(check) === artifact),
        ),
    );
    const overview = bulletList([`${markdownText(name)}: ${verdictLine(checks)}`], 1);
    return [...overview, "", ...parts].join("\n");
}

function artifactOf(check: ImageCheck): string {
    return "artifact" in check && typeof check.artifact === "string" ? check.artifact : "";
}

async function lookAtImage(
    what: "provider" | "installer",
    { reference, dockerImageId }: { reference: string; dockerImageId: string },
    expected: BuildExpectations,
    context: VerifyContext,
    judge: (image: LayeredImage) => Promise<ImageCheck[]>,
): Promise<BuildCheck[]> {
    const found = await readSaved(dockerImageId, what, expected, context)
        .then(async (image) => {
            try {
                return await judge(image);
            } finally {
                image.close();
            }
        })
        .catch((error: unknown) => {
            if (!(error instanceof ImageDamage)) throw error;
            return [failed(`${what}.readable`, "damaged", error.message)];
        });
    return held(found, reference, expected);
}

/** By its id: a tag could have been moved since. */
async function readSaved(
    imageId: string,
    what: string,
    expected: BuildExpectations,
    { docker, signal, onProgress, spoolDirectory }: VerifyContext,
): Promise<LayeredImage> {
    const { output, ended } = docker.stream(["save", imageId], { signal });
    const options: ReadOptions = {
        secrets: expected.secrets,
        keep: (expected.verify.files ?? [])
            .filter(({ contains }) => contains !== undefined)
            .map(({ path: file }) => file),
        onProgress: stepwise((bytes) =>
            onProgress?.(`verifying the ${what} image, ${formatSize(bytes)} read`),
        ),
        ...(signal ? { signal } : {}),
        ...(spoolDirectory === undefined ? {} : { spoolDirectory }),
    };
    const read = readImageArchive(output as AsyncIterable<Buffer>, options);
    const [image, end] = await Promise.allSettled([read, ended]);
    if (image.status === "rejected") {
        const isOurs = end.status === "fulfilled" || /broken pipe|SIGPIPE/i.test(messageOf(end.reason));
        // What Docker says of its own failure says more than that its archive is cut off.
        throw (isOurs ? image.reason : end.reason) as Error;
    }
    if (end.status === "rejected") {
        image.value.close();
        throw end.reason as Error;
    }
    return image.value;
}

async function lookAtIso(
    { path: file, sha256 }: NonNullable<BuildResult["iso"]>,
    expected: BuildExpectations,
    { signal, onProgress }: VerifyContext,
): Promise<BuildCheck[]> {
    const found = await readInstallerIso(file, {
        secrets: expected.secrets,
        signal,
        onProgress: stepwise((bytes) => onProgress?.(`verifying the ISO, ${formatSize(bytes)} read`)),
    })
        .then(async (iso) => {
            try {
                return await judgeIso(iso, expected, sha256);
            } finally {
                await iso.close();
            }
        })
        .catch((error: unknown) => {
            if (!(error instanceof ImageDamage)) throw error;
            return unreadableIso(error);
        });
    return held(found, path.basename(file), expected);
}

function held(checks: readonly ImageCheck[], artifact: string, { verify }: BuildExpectations): BuildCheck[] {
    return applySeverity(checks, verify.severity).map((check) => ({ ...check, artifact }));
}

function stepwise(tell: (bytes: number) => void): (bytes: number) => void {
    let told = 0;
    return (bytes) => {
        if (bytes - told < PROGRESS_STEP) return;
        told = bytes;
        tell(bytes);
    };
}

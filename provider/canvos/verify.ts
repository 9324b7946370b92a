import * as path from "node:path";
import { type ImageCheck, ImageError } from "../image/check";
import { bulletList, markdownText } from "../image/markdown";
import { readInThread, type ServedSource } from "../image/readingThread";
import { checksMarkdown, sortChecks, verdictLine } from "../image/report";
import { formatSize } from "../image/size";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { BuildResult } from "./build.types";
import type { Docker } from "./docker";
import type { Artifact, LookProgress, LookTask } from "./verify.look";
import { SavedImage } from "./verify.saved";
import type { BuildCheck, BuildExpectations } from "./verify.types";

export interface VerifyContext {
    docker: Docker;
    clock: Pick<Host, "sleep" | "random">;
    signal?: AbortSignal | undefined;
    /** Told what is being read, and how far. */
    onProgress?: (text: string) => void;
    /** For what is kept of an image while it is looked at. Default: the system's folder for temporary files. */
    spoolDirectory?: string;
}

/** Names, modes and digests of all files of an image are in the memory at once. */
const HEAP_MEGABYTES = 2048;
/** Docker packs an image of gigabytes before its first byte comes, and a large file of an ISO is read without a word. */
const STALL_LIMIT = 15 * 60_000;
const NAMES = { provider: "the provider image", installer: "the installer image", iso: "the ISO" } as const;

/**
 * Looks into everything that a build has made, in a thread of its own. Nothing of it is run, so that images for other
 * machines are judged too. All checks are made, whatever the first ones say.
 */
export async function verifyBuild(
    result: BuildResult,
    expected: BuildExpectations,
    { docker, clock, signal, onProgress, spoolDirectory }: VerifyContext,
): Promise<BuildCheck[]> {
    const parts = partsOf(result, docker);
    if (parts.length === 0) return [];
    const reading = { clock, stallLimit: STALL_LIMIT };
    const task: LookTask = { artifacts: parts.map(({ artifact }) => artifact), expected, spoolDirectory };
    const thread = {
        ...{ entry: path.join(__dirname, "verify.thread"), task, heapMegabytes: HEAP_MEGABYTES },
        sources: parts.map(({ source }): string | ServedSource =>
            typeof source === "string" ? source : { source, reading },
        ),
    };
    try {
        return await readInThread<LookTask, BuildCheck[], LookProgress>(thread, {
            signal,
            stallLimit: STALL_LIMIT,
            onProgress: ({ what, bytes }) =>
                onProgress?.(`verifying ${NAMES[what]}, ${formatSize(bytes)} read`),
        });
    } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        throw new EdgeError(`what was built could not be looked into: ${error.message}`);
    }
}

/** What a build has made, each with where it is read from. */
export function partsOf(
    { images, installerImage, iso }: BuildResult,
    docker: Docker,
): { artifact: Artifact; source: string | SavedImage }[] {
    const saved = ({ dockerImageId, reference }: { dockerImageId: string; reference: string }): SavedImage =>
        new SavedImage(docker, dockerImageId, reference);
    return [
        ...images.map((image) => {
            const { reference, kubernetesVersion } = image;
            return {
                artifact: { kind: "provider", reference, kubernetesVersion } as const,
                source: saved(image),
            };
        }),
        ...(installerImage
            ? [
                  {
                      artifact: { kind: "installer", reference: installerImage.reference } as const,
                      source: saved(installerImage),
                  },
              ]
            : []),
        ...(iso
            ? [{ artifact: { kind: "iso", file: iso.path, sha256: iso.sha256 } as const, source: iso.path }]
            : []),
    ];
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

import * as path from "node:path";
import { failed, type ImageCheck, ImageDamage } from "../image/check";
import { applySeverity } from "../image/severity";
import type { ImageSource } from "../image/source/source";
import { readInstallerIso } from "./iso";
import { readImageArchive } from "./layers.archive";
import { judgeIso, unreadableIso } from "./verify.iso";
import { judgeImage, judgeProviderImage } from "./verify.provider";
import type { BuildCheck, BuildExpectations } from "./verify.types";

/** Something that a build has made, to be looked into. */
export type Artifact =
    | { kind: "provider"; reference: string; kubernetesVersion?: string | undefined }
    | { kind: "installer"; reference: string }
    /** `sha256` is the digest that the build told. */
    | { kind: "iso"; file: string; sha256: string };

export interface LookTask {
    artifacts: readonly Artifact[];
    expected: BuildExpectations;
    /** For what is kept of an image while it is looked at. Default: the system's folder for temporary files. */
    spoolDirectory?: string | undefined;
}

/** What is read, and how far. */
export interface LookProgress {
    what: Artifact["kind"];
    bytes: number;
}

const PROGRESS_STEP = 64 * 2 ** 20;

/**
 * Looks into everything that a build has made: images as `docker save` writes them, and the ISO's file. Nothing of it is
 * run. Runs in whatever thread calls it; `verifyBuild` is for builds one does not trust.
 */
export async function look(
    { artifacts, expected, spoolDirectory }: LookTask,
    sources: readonly (string | Pick<ImageSource, "read">)[],
    tell: (progress: LookProgress) => void = () => undefined,
): Promise<BuildCheck[]> {
    const checks: BuildCheck[] = [];
    for (const [index, artifact] of artifacts.entries()) {
        const source = sources[index];
        const reading = {
            secrets: expected.secrets,
            onProgress: stepwise((bytes) => tell({ what: artifact.kind, bytes })),
            ...(spoolDirectory === undefined ? {} : { spoolDirectory }),
        };
        const found =
            artifact.kind === "iso"
                ? await lookAtIso(artifact, expected, reading)
                : await lookAtImage(artifact, source, expected, reading);
        const name = artifact.kind === "iso" ? path.basename(artifact.file) : artifact.reference;
        checks.push(...held(found, name, expected));
    }
    return checks;
}

type Reading = Pick<NonNullable<Parameters<typeof readImageArchive>[1]>, "secrets" | "onProgress">;

async function lookAtImage(
    artifact: Exclude<Artifact, { kind: "iso" }>,
    source: string | Pick<ImageSource, "read"> | undefined,
    expected: BuildExpectations,
    reading: Reading,
): Promise<ImageCheck[]> {
    if (source === undefined || typeof source === "string")
        throw new Error("an image of Docker is no file of this machine");
    const keep = (expected.verify.files ?? [])
        .filter(({ contains }) => contains !== undefined)
        .map(({ path: file }) => file);
    try {
        const image = await readImageArchive(source.read({ start: 0 }), { ...reading, keep });
        try {
            return artifact.kind === "provider"
                ? await judgeProviderImage(image, expected, artifact.kubernetesVersion)
                : (await judgeImage("installer", image, expected)).checks;
        } finally {
            image.close();
        }
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return [failed(`${artifact.kind}.readable`, "damaged", error.message)];
    }
}

async function lookAtIso(
    { file, sha256 }: Extract<Artifact, { kind: "iso" }>,
    expected: BuildExpectations,
    reading: Reading,
): Promise<ImageCheck[]> {
    try {
        const iso = await readInstallerIso(file, reading);
        try {
            return await judgeIso(iso, expected, sha256);
        } finally {
            await iso.close();
        }
    } catch (error) {
        if (!(error instanceof ImageDamage)) throw error;
        return unreadableIso(error);
    }
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

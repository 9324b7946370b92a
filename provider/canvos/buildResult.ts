import * as fs from "node:fs";
import * as path from "node:path";
import { EdgeError, UnavailableHere } from "../resource/errors";
import type { BuildPlan } from "./build.plan";
import type { BuiltFile, BuiltImage, BuildResult } from "./build.types";
import { collectFiles, readFile } from "./buildFiles";
import { type Docker, DockerFailure } from "./docker";
import { baseIn, secondsIn, type BuildFolder } from "./supervisor";

/** What a build that has ended well must have left; CanvOS calls builds a success that have made nothing. */
export async function collectResult(
    plan: BuildPlan,
    folder: BuildFolder,
    docker: Docker,
    signal: AbortSignal,
): Promise<BuildResult> {
    const { names, makes, isoName } = plan;
    const images: BuiltImage[] = [];
    const missing: string[] = [];
    for (const [kubernetesVersion, reference] of makes.providerImages
        ? Object.entries(names.providers)
        : []) {
        const dockerImageId = await docker.imageId(reference, { signal });
        if (dockerImageId === undefined) missing.push(reference);
        else images.push({ kubernetesVersion, reference, dockerImageId });
    }
    const installerId = makes.installer ? await docker.imageId(names.installer, { signal }) : undefined;
    if (makes.installer && installerId === undefined) missing.push(names.installer);
    if (missing.length > 0) throw await notMade(missing, folder, docker, signal);
    const iso = makes.iso ? await readIso(folder, isoName) : undefined;
    const builtFrom = baseIn(folder);
    return {
        images,
        ...(installerId === undefined
            ? {}
            : { installerImage: { reference: names.installer, dockerImageId: installerId } }),
        ...(iso ? { iso } : {}),
        ...(builtFrom === undefined ? {} : { builtFrom }),
        artifacts: await collectFiles(plan, folder),
        seconds: secondsIn(folder),
        logFile: folder.log,
    };
}

/** What a build that has ended well has left; undefined where a part of it is gone from this machine. */
export async function keptResult(
    plan: BuildPlan,
    folder: BuildFolder,
    docker: Docker,
    signal: AbortSignal,
): Promise<BuildResult | undefined> {
    try {
        return await collectResult(plan, folder, docker, signal);
    } catch (error) {
        signal.throwIfAborted();
        // An engine that does not answer tells nothing of what it has.
        const isGone =
            error instanceof EdgeError &&
            !(error instanceof UnavailableHere) &&
            !(error instanceof DockerFailure);
        if (isGone) return undefined;
        throw error;
    }
}

async function notMade(
    missing: readonly string[],
    { log }: BuildFolder,
    docker: Docker,
    signal: AbortSignal,
): Promise<EdgeError> {
    const repository = (missing[0] ?? "").replace(/:[^:/]*$/, "");
    const args = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository];
    const there = (await docker.text(args, { signal })).split("\n").filter(Boolean);
    return new EdgeError(
        `the build ended without an error and has not made ${missing.join(", ")}. Of this repository Docker has ` +
            `${there.join(", ") || "nothing"}. The build's log: ${log}`,
    );
}

async function readIso({ tree, log }: BuildFolder, isoName: string): Promise<BuiltFile> {
    const file = path.join(tree, "build", `${isoName}.iso`);
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (!stat || stat.size === 0) {
        throw new EdgeError(
            `the build ended without an error and has not made build/${isoName}.iso. Its log: ${log}`,
        );
    }
    return readFile(file, `build/${isoName}.iso`);
}

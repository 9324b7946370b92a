import * as fs from "node:fs";
import type { Context } from "../resource/context";
import { EdgeError, messageOf, PartialFailure } from "../resource/errors";
import type { ApplianceInputs, ApplianceOutputs, PublishedIso } from "./applianceImage.schema";
import { verified, type Made } from "./applianceImage.verify";
import type { BuildPlan } from "./build.plan";
import type { BuildResult } from "./build.types";
import type { Builder } from "./builder";
import { isSamePlace, letGoOfIso, publishIso } from "./isoPublication";
import { prerequisiteProblems } from "./prerequisites";
import { pushBuilt } from "./registryImages";

type CanvosContext = Context<Builder>;

/** Builds, and brings to its registry and its place, what is not there yet. */
export async function make(
    plan: BuildPlan,
    image: ApplianceInputs,
    context: CanvosContext,
    before?: Made,
): Promise<ApplianceOutputs> {
    const begun = context.now();
    const built = (before && (await madeBefore(before, plan, context))) ?? (await buildHere(plan, context));
    const buildSeconds = before?.outputs.buildSeconds ?? Math.round((context.now() - begun) / 1000);
    let outputs: ApplianceOutputs = {
        ...outputsOf(built, before, buildSeconds),
        ...(await verified(plan, built, image, context, before)),
    };
    const done: string[] = [];
    try {
        if (image.push !== false) {
            outputs = { ...outputs, images: await pushBuilt(built.images, context) };
            const { length } = outputs.images;
            if (length > 0) done.push(`${length === 1 ? "1 image" : `${length} images`} pushed`);
        }
        const published = await bringIso(plan, built, image, context, before);
        outputs = { ...outputs, ...isoOutputs(outputs, published) };
        if (published) done.push("the ISO published");
    } catch (error) {
        context.signal.throwIfAborted();
        // The build is done, and the next up only brings it there.
        const reached = { id: `sha256:${image.inputHash}`, inputs: { ...image, intact: false }, outputs };
        throw new PartialFailure([messageOf(error)], reached, { cause: error });
    }
    if (done.length > 0) context.progress(`${done.join(", ")}, built in ${buildSeconds}s`);
    return outputs;
}

async function buildHere(plan: BuildPlan, context: CanvosContext): Promise<BuildResult> {
    const { client } = context;
    // A build that is there has taken the room that one needs.
    const missing = client.hasBuild(plan.inputHash) ? [] : await prerequisiteProblems(plan, client, context);
    if (missing.length > 0)
        throw new EdgeError(`CanvOS cannot build here:\n${missing.map((each) => `  - ${each}`).join("\n")}`);
    return client.build(plan, context);
}

/**
 * What an earlier run has made, where its folder is not on this machine: runners start with an empty one, and building
 * once more would give other images for the same tags. The ISO is missing then, or where it is published.
 */
async function madeBefore(
    { outputs }: Made,
    plan: BuildPlan,
    { client, signal }: CanvosContext,
): Promise<BuildResult | undefined> {
    // A state may end before anything was built.
    const { images = [], iso, logFile = "" } = outputs as Partial<ApplianceOutputs>;
    if (client.hasBuild(plan.inputHash) || images.length === 0) return undefined;
    for (const { reference, dockerImageId } of images) {
        if ((await client.docker.imageId(reference, { signal })) !== dockerImageId) return undefined;
    }
    const isHere =
        iso !== undefined && fs.statSync(iso.path, { throwIfNoEntry: false })?.size === iso.sizeBytes;
    return { images, logFile, ...(isHere ? { iso } : {}) };
}

/** Publishes the ISO where it has to be, and lets go of where it was. */
async function bringIso(
    plan: BuildPlan,
    { iso }: BuildResult,
    image: ApplianceInputs,
    context: CanvosContext,
    before: Made | undefined,
): Promise<PublishedIso | undefined> {
    const old = before?.outputs.publishedIso;
    const was = before?.inputs.publish;
    const isMoved = was !== undefined && old !== undefined && !isSamePlace(was, image.publish, old, context);
    let published: PublishedIso | undefined;
    if (iso) {
        const claim = isMoved ? undefined : old?.claim;
        published = await publishIso(iso, image, plan, claim ?? context.newClaim(), context);
    } else if (image.publish && plan.makes.iso) {
        if (old === undefined || isMoved || before?.inputs.isoIntact === false) {
            throw new EdgeError(
                "the ISO is not on this machine any more, and cannot be published: run on the machine that has built it, or " +
                    "change what is built from",
            );
        }
        published = old;
    }
    if (before && old && (isMoved || !image.publish)) await letGoOfIso(before.inputs, old, context);
    return published;
}

function isoOutputs(
    { iso }: ApplianceOutputs,
    publishedIso: PublishedIso | undefined,
): Pick<ApplianceOutputs, "iso" | "publishedIso"> {
    if (!iso) return { publishedIso };
    const { path, sizeBytes, sha256 } = iso;
    const file = { path, sizeBytes, sha256 };
    return { iso: publishedIso ? { ...file, url: publishedIso.url } : file, publishedIso };
}

function outputsOf(
    { images, iso, logFile }: BuildResult,
    before: Made | undefined,
    buildSeconds: number,
): Omit<ApplianceOutputs, "checksPassed" | "report"> {
    const known = iso ?? before?.outputs.iso;
    const { publishedIso } = before?.outputs ?? {};
    return {
        images: images.map(({ kubernetesVersion = "", reference, dockerImageId }) => ({
            ...{ kubernetesVersion, reference, dockerImageId },
        })),
        ...(known ? { iso: known } : {}),
        // Until it is published anew, it is where it was.
        ...(publishedIso ? { publishedIso } : {}),
        ...{ logFile, buildSeconds },
    };
}

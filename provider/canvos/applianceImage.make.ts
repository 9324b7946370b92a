import * as fs from "node:fs";
import type { Context } from "../resource/context";
import { EdgeError, messageOf, PartialFailure } from "../resource/errors";
import type { ApplianceInputs, ApplianceOutputs, Durations, PublishedIso } from "./applianceImage.schema";
import { secondsSince, verified, type Made } from "./applianceImage.verify";
import { digestOf, isInRegistry } from "./baseImage";
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
    const built =
        (before && (await madeBefore(before, plan, context))) ?? (await buildHere(plan, image, context));
    const timed = async <T>(step: "push" | "publish", work: () => Promise<T>): Promise<T> => {
        const start = context.now();
        const result = await work();
        durations[step] = secondsSince(start, context);
        return result;
    };
    const buildSeconds = before?.outputs.buildSeconds ?? Math.round((context.now() - begun) / 1000);
    const judged = await verified(plan, built, image, context, before);
    const durations: Durations = { ...stepsOf(built, before), ...judged.durations };
    let outputs: ApplianceOutputs = { ...outputsOf(built, before, buildSeconds), ...judged, durations };
    const done: string[] = [];
    try {
        if (image.push !== false) {
            await timed("push", () =>
                pushBuilt(built.images, context, (pushed) => {
                    const images = outputs.images.map((each) =>
                        each.reference === pushed.reference ? pushed : each,
                    );
                    outputs = { ...outputs, images };
                }),
            );
            const { length } = outputs.images;
            if (length > 0) done.push(`${length === 1 ? "1 image" : `${length} images`} pushed`);
        }
        const published =
            image.publish || before?.inputs.publish
                ? await timed("publish", () => bringIso(plan, built, image, context, before))
                : undefined;
        outputs = { ...outputs, ...isoOutputs(outputs, published) };
        if (published) done.push("the ISO published");
    } catch (error) {
        // The build is done, and the next up only brings it there.
        const reached = { id: `sha256:${image.inputHash}`, inputs: { ...image, intact: false }, outputs };
        const reason = `${messageOf(error)}\nWhat is built is kept: the next pulumi up only brings it there`;
        throw new PartialFailure([reason], reached, { cause: error });
    }
    if (done.length > 0) context.progress(`${done.join(", ")}, built in ${buildSeconds}s`);
    return outputs;
}

/** What the build itself has noted; a run that builds nothing keeps what the state has. */
function stepsOf({ seconds }: BuildResult, before: Made | undefined): Durations {
    if (!seconds) return before?.outputs.durations ?? { targets: {} };
    const { checkout, baseImage, ...others } = seconds;
    const targets = Object.entries(others).map(([name, taken]) => [name.replace(/^\+/, ""), taken] as const);
    return {
        ...(checkout === undefined ? {} : { checkout }),
        ...(baseImage === undefined ? {} : { baseImage }),
        targets: Object.fromEntries(targets),
    };
}

async function buildHere(
    asked: BuildPlan,
    { push }: Pick<ApplianceInputs, "push">,
    context: CanvosContext,
): Promise<BuildResult> {
    const { client } = context;
    const plan = await withNeededBase(asked, context);
    // A build that is there has taken the room that one needs.
    const missing = client.hasBuild(plan.inputHash)
        ? []
        : await prerequisiteProblems(plan, client, context, { pushes: push !== false });
    if (missing.length > 0)
        throw new EdgeError(`CanvOS cannot build here:\n${missing.map((each) => `  - ${each}`).join("\n")}`);
    return client.build({ ...plan, ...(await ownBaseOf(plan, context)) }, context);
}

/** What is only recorded holds up no build. */
async function ownBaseOf(
    { ownBase }: BuildPlan,
    context: CanvosContext,
): Promise<Pick<BuildPlan, "builtFrom">> {
    if (ownBase === undefined) return {};
    try {
        const digest = await digestOf(ownBase, context);
        return digest === undefined ? {} : { builtFrom: `${ownBase}@${digest}` };
    } catch (error) {
        context.signal.throwIfAborted();
        context.log.info(`the digest of ${ownBase} cannot be told: ${messageOf(error)}`);
        return {};
    }
}

/** The base image has to be built where its registry does not have it. */
async function withNeededBase(plan: BuildPlan, context: CanvosContext): Promise<BuildPlan> {
    const { base, ...others } = plan;
    const isThere =
        base === undefined ||
        context.client.hasBuild(plan.inputHash) ||
        (await isInRegistry(base.reference, context));
    return isThere ? others : plan;
}

/**
 * What an earlier run has made, as far as it is on this machine: runners start with an empty one, Docker is tidied up,
 * and building once more would give other images for the same tags. The ISO may be missing then, or be where it is
 * published.
 */
async function madeBefore(
    { outputs }: Made,
    plan: BuildPlan,
    { client, signal }: CanvosContext,
): Promise<BuildResult | undefined> {
    if (client.isRunning(plan.inputHash)) return undefined;
    const kept = await client.keptBuild(plan, signal);
    if (kept) return kept;
    // A state may end before anything was built.
    const { images = [], iso, logFile = "" } = outputs as Partial<ApplianceOutputs>;
    if (images.length === 0) return undefined;
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
    { images, iso, artifacts, builtFrom, logFile }: BuildResult,
    before: Made | undefined,
    buildSeconds: number,
): Omit<ApplianceOutputs, "checksPassed" | "report" | "durations"> {
    const known = iso ?? before?.outputs.iso;
    const { publishedIso, artifacts: old = [], builtFrom: oldBase } = before?.outputs ?? {};
    const base = builtFrom ?? oldBase;
    return {
        images: images.map(({ kubernetesVersion = "", reference, dockerImageId }) => ({
            ...{ kubernetesVersion, reference, dockerImageId },
        })),
        ...(known ? { iso: known } : {}),
        ...(base === undefined ? {} : { builtFrom: base }),
        // Until it is published anew, it is where it was.
        ...(publishedIso ? { publishedIso } : {}),
        ...{ artifacts: [...(artifacts ?? old)], logFile, buildSeconds },
    };
}

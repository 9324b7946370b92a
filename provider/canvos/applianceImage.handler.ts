import type { z } from "zod";
import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { EdgeError, messageOf, PartialFailure } from "../resource/errors";
import { checkAppliance } from "./applianceImage.check";
import {
    applianceInputs,
    applianceOutputs,
    type ApplianceInputs,
    type ApplianceOutputs,
} from "./applianceImage.schema";
import { verified, type Made } from "./applianceImage.verify";
import type { BuildPlan } from "./build.plan";
import type { BuildResult } from "./build.types";
import type { Builder } from "./builder";
import { planBuild } from "./plan";
import { prerequisiteProblems } from "./prerequisites";
import { findPushed, pullMissing, pushBuilt, removePushed } from "./registryImages";
import { canvos } from "./system";

const HOUR = 60 * 60_000;

type CanvosContext = Context<Builder>;

export const applianceImage = defineResource({
    kind: "canvos.ApplianceImage",
    system: canvos,
    inputs: applianceInputs,
    outputs: applianceOutputs,
    timeouts: { check: HOUR, create: 6 * HOUR, update: 6 * HOUR, delete: HOUR },

    async check(inputs, context, last) {
        return checkAppliance(inputs, context, last);
    },

    async create(image, context) {
        const plan = await planOf(image, context);
        const outputs = await make(plan, image, context);
        return { id: `sha256:${image.inputHash}`, outputs };
    },

    async read(_id, { inputs: image, outputs }, context) {
        if (image.push === false) return {};
        const found = await findPushed(outputs.images, context);
        return { inputs: { intact: found === "all" } };
    },

    async update(_id, before, image, context) {
        await pullMissing(before.outputs.images, context);
        const plan = await planOf(image, context);
        const outputs = await make(plan, image, context, before);
        return { outputs };
    },

    async delete(_id, { inputs: image, outputs }, context) {
        const { client, log, signal } = context;
        const pushed = outputs.images.filter(({ digest }) => digest !== undefined);
        if (image.onDelete === "remove") await removePushed(pushed, context);
        else if (pushed.length > 0) {
            const names = pushed.map(({ reference }) => reference).join(", ");
            log.info(`${names} stays in the registry (onDelete: "keep"): hosts may still install it`);
        }
        await removeLocal(image, outputs, client, signal);
    },
});

/** The plan that the check has made, once more: its files are still the same. */
async function planOf(image: ApplianceInputs, context: CanvosContext): Promise<BuildPlan> {
    const { client, projectDir } = context;
    const { settings, cache } = client;
    const { source, commit, generation, inputHash } = image;
    const known = await client.checkout(source, { source, commit }, context);
    const { plan } = await planBuild(image, known, { projectDir, settings, cache, generation });
    if (plan.inputHash === inputHash) return plan;
    throw new EdgeError(
        "what is built from was changed since it was checked: nothing is built. Wait until whatever writes it has finished, then run again",
    );
}

/** Builds, and brings to its registry, what is not there yet. */
async function make(
    plan: BuildPlan,
    image: ApplianceInputs,
    context: CanvosContext,
    before?: Made,
): Promise<ApplianceOutputs> {
    const { client } = context;
    const begun = context.now();
    // A build that is there has taken the room that one needs.
    const missing = client.hasBuild(plan.inputHash) ? [] : await prerequisiteProblems(plan, client, context);
    if (missing.length > 0)
        throw new EdgeError(`CanvOS cannot build here:\n${missing.map((each) => `  - ${each}`).join("\n")}`);
    const built = await client.build(plan, context);
    const buildSeconds = before?.outputs.buildSeconds ?? Math.round((context.now() - begun) / 1000);
    const outputs = {
        ...outputsOf(built, buildSeconds),
        ...(await verified(plan, built, image, context, before)),
    };
    if (image.push === false) return outputs;
    try {
        const images = await pushBuilt(built.images, context);
        context.progress(
            `${images.length === 1 ? "1 image" : `${images.length} images`} pushed, built in ${buildSeconds}s`,
        );
        return { ...outputs, images };
    } catch (error) {
        // The build is done, and the next up only pushes it.
        const reached = { id: `sha256:${image.inputHash}`, inputs: { ...image, intact: false }, outputs };
        throw new PartialFailure([messageOf(error)], reached, { cause: error });
    }
}

function outputsOf(
    { images, iso, logFile }: BuildResult,
    buildSeconds: number,
): Omit<ApplianceOutputs, "checksPassed" | "report"> {
    return {
        images: images.map(({ kubernetesVersion = "", reference, dockerImageId }) => ({
            ...{ kubernetesVersion, reference, dockerImageId },
        })),
        ...(iso ? { iso } : {}),
        ...{ logFile, buildSeconds },
    };
}

/** Caches of this machine only: that they cannot be removed keeps nothing from being deleted. */
async function removeLocal(
    { inputHash }: ApplianceInputs,
    { images }: z.output<typeof applianceOutputs>,
    client: Builder,
    signal: AbortSignal,
): Promise<void> {
    for (const { reference, dockerImageId } of images) {
        try {
            if ((await client.docker.imageId(reference, { timeLimit: 10_000, signal })) !== dockerImageId)
                continue;
            await client.docker.text(["image", "rm", reference], { signal });
        } catch (error) {
            signal.throwIfAborted();
            client.host.warn(`${reference} stays in Docker: ${messageOf(error)}`);
        }
    }
    await client.removeBuild(inputHash).catch((error: unknown) => {
        client.host.warn(messageOf(error));
    });
}

import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { EdgeError, messageOf } from "../resource/errors";
import { checkAppliance } from "./applianceImage.check";
import { baseImageOf } from "./baseImage";
import type * as Making from "./applianceImage.make";
import { applianceInputs, applianceOutputs, type ApplianceInputs } from "./applianceImage.schema";
import type { BuildPlan } from "./build.plan";
import type { Builder } from "./builder";
import { isStillPublished, letGoOfIso } from "./isoPublication";
import { removeLocalImages } from "./localImages";
import { planBuild } from "./plan";
import { findPushed, pullMissing, removePushed } from "./registryImages";
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
        const outputs = await making().make(plan, image, context);
        return { id: `sha256:${image.inputHash}`, outputs };
    },

    async read(_id, { inputs: image, outputs }, context) {
        const { images, publishedIso } = outputs;
        if (image.push === false && !image.publish) return {};
        const isPushed = image.push === false || (await findPushed(images, context)) === "all";
        // An ISO that never got to its place is not lost: the build still has it.
        if (!publishedIso) return { inputs: { intact: isPushed && !image.publish } };
        const isoIntact = await isStillPublished(image.publish, publishedIso, context);
        return { inputs: { intact: isPushed && isoIntact, isoIntact } };
    },

    async update(_id, before, image, context) {
        await pullMissing(before.outputs.images, context);
        const plan = await planOf(image, context);
        const outputs = await making().make(plan, image, context, before);
        return { outputs };
    },

    async delete(_id, { inputs: image, outputs }, context) {
        const { client, log } = context;
        await letGoOfIso(image, outputs.publishedIso, context);
        // A replacement that failed and was taken back leaves two rows of one build, of which the old one is deleted.
        if (client.wanted.has(image.inputHash)) {
            log.info("its images stay: the program has another resource of the same build by now");
            return;
        }
        const pushed = outputs.images.filter(({ digest }) => digest !== undefined);
        if (image.onDelete === "remove") await removePushed(pushed, context);
        else if (pushed.length > 0) {
            const names = pushed.map(({ reference }) => reference).join(", ");
            log.info(`${names} stays in the registry (onDelete: "keep"): hosts may still install it`);
        }
        await removeLocalImages(image, outputs, context);
        await client.removeBuild(image.inputHash).catch((error: unknown) => {
            client.host.warn(messageOf(error));
        });
    },
});

/** Looking into images and booting them takes longer to load than all that a preview needs. */
function making(): typeof Making {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import()` is no way to load a CommonJS build late
    return require("./applianceImage.make") as typeof Making;
}

/** The plan that the check has made, once more: its files are still the same. */
async function planOf(image: ApplianceInputs, context: CanvosContext): Promise<BuildPlan> {
    const { client, projectDir } = context;
    const { settings, cache } = client;
    const { source, commit, generation, inputHash } = image;
    const known = await client.checkout(source, { source, commit }, context);
    const base = await baseImageOf(image, known, context);
    if ("message" in base) throw new EdgeError(base.message);
    const around = { projectDir, settings, cache, generation };
    const { plan } = await planBuild(image, known, {
        ...around,
        base: { ...base, reference: image.baseImage },
    });
    if (plan.inputHash === inputHash) return plan;
    throw new EdgeError(
        "what is built from was changed since it was checked: nothing is built. Wait until whatever writes it has finished, then run again",
    );
}

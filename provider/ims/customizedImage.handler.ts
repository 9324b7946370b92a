import * as crypto from "node:crypto";
import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { EdgeError } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN } from "../resource/unknown";
import type { ImsImage } from "./api";
import { findBaseImage } from "./baseImage";
import { bootFileProblems, compareWithManifest } from "./bootFiles";
import type { ImsClient } from "./client";
import { Customization } from "./customization";
import { inputs, outputs, type CustomizedImageInputs } from "./customizedImage.schema";
import { deleteRecord, readRecord, updateRecord } from "./imageRecord";
import { makeImage } from "./jobImage";
import { isSameMeant } from "./meantRecord";
import { ims } from "./system";
import { findAnsible } from "./steps/ansible";
import { digestSteps } from "./steps/files";
import type { Step } from "./steps/schema";

const HOUR = 60 * 60_000;

type ImsContext = Context<ImsClient>;

export const customizedImage = defineResource({
    kind: "ims.CustomizedImage",
    system: ims,
    inputs,
    outputs,
    timeouts: { create: 8 * HOUR, update: HOUR, delete: HOUR },

    async check(image, context, state) {
        const problems: Problem[] = [];
        const endpoint = await context.ifAvailable(
            async (): Promise<string | typeof UNKNOWN> => context.client.endpoint,
            state?.endpoint ?? UNKNOWN,
        );
        let [baseImageId, baseEtag] = [state?.baseImageId ?? UNKNOWN, state?.baseEtag ?? UNKNOWN];
        const { baseImage, steps, kernelFileName, initrdFileName } = image;
        let base: ImsImage | undefined;
        if (!isKnown(baseImage)) [baseImageId, baseEtag] = [UNKNOWN, UNKNOWN];
        else {
            const found = await context.ifAvailable(() => findBaseImage(baseImage, context), undefined);
            if (found && "image" in found) {
                base = found.image;
                [baseImageId, baseEtag] = [base.id, base.link?.etag ?? ""];
            } else if (found && isSameMeant(state?.baseImage, baseImage)) keepBase(found.problem, context);
            else if (found) problems.push(found.problem);
        }
        if (isKnown(kernelFileName) && isKnown(initrdFileName)) {
            const names = { kernelFileName, initrdFileName };
            problems.push(...bootFileProblems(names, base));
            const isMade = state?.baseImageId !== baseImageId || state.baseEtag !== baseEtag;
            // An update makes the job, which says the same.
            if (base && isMade && context.preview)
                problems.push(...(await compareWithManifest(names, base, context)));
        }
        const files = isKnown(steps) ? await digestSteps(steps, context.projectDir) : undefined;
        problems.push(...(files?.problems ?? []));
        const filesHash = files ? files.digest : UNKNOWN;
        if (isKnown(steps)) {
            const { jail } = image;
            problems.push(...(await ansibleProblems({ steps, jail, filesHash }, state, context)));
        }
        return { problems, values: { endpoint, baseImageId, baseEtag, filesHash } };
    },

    async create(image, context) {
        const { client, signal } = context;
        const content = contentOf(image);
        const base = await client.get("images", image.baseImageId, { signal });
        if (!base) throw new EdgeError(`the base image ${image.baseImageId} is gone`);
        return makeImage(
            new Customization(image, base, content, context),
            { content, declared: image },
            context,
        );
    },

    async read(id, { inputs: declared, outputs: before }, context) {
        const found = await readRecord(id, declared, context);
        if (found) await tellOfBase(declared, context);
        return found && { inputs: found.inputs, outputs: { ...found.outputs, claim: before.claim } };
    },

    async update(id, state, image, context) {
        return updateRecord(id, image, state.inputs, context);
    },

    async delete(id, { inputs: image, outputs }, context) {
        await deleteRecord(id, image, outputs, context);
    },
});

/**
 * What stands in the way of steps with `ansible`. Whether it is installed here counts only where the image is made:
 * not for one that is there and stays as it is.
 */
async function ansibleProblems(
    { steps, jail, filesHash }: { steps: readonly Step[]; jail: unknown; filesHash: unknown },
    state: Partial<CustomizedImageInputs> | undefined,
    context: ImsContext,
): Promise<Problem[]> {
    const index = steps.findIndex(({ ansible }) => ansible !== undefined);
    if (index < 0) return [];
    if (jail === false) {
        const message =
            "needs jail: true, as in CFS: without a jail the SSH server is the job's container's, which Ansible would change " +
            "instead of the image";
        return [{ path: ["steps", index, "ansible"], message }];
    }
    const isMade = JSON.stringify(state?.steps) !== JSON.stringify(steps) || state?.filesHash !== filesHash;
    if (isMade) await context.ifAvailable(async () => findAnsible(context.settings.env), "");
    return [];
}

/** What the image is made of, in one digest: everything whose change makes a new one. */
function contentOf(image: CustomizedImageInputs): string {
    const { name, kernelFileName, initrdFileName, requireDkms, steps, baseImageId, baseEtag, filesHash } =
        image;
    const parts = {
        name,
        kernelFileName,
        initrdFileName,
        requireDkms,
        steps,
        baseImageId,
        baseEtag,
        filesHash,
    };
    return crypto.createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/**
 * Tells what became of the base. It is no drift of this image, which is still made of what the state says: the next up
 * compares that with the base, and would find nothing if a refresh had written the present one into the state.
 */
async function tellOfBase(
    { baseImageId, baseEtag }: CustomizedImageInputs,
    { client, signal, log }: ImsContext,
): Promise<void> {
    const base = await client.get("images", baseImageId, { signal });
    if (!base)
        log.warn(`the base image ${baseImageId} is gone: this image stays, and could not be made again`);
    else if (base.link?.etag !== baseEtag)
        log.warn(`the base image ${baseImageId} has other content now: the next up makes a new image`);
}

/** A finished image outlives its base. */
function keepBase({ message }: Problem, { log }: ImsContext): void {
    log.warn(`baseImage: ${message}. The image that was made of it stays as it is`);
}

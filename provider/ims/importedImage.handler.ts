import * as crypto from "node:crypto";
import * as path from "node:path";
import { z } from "zod";
import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { EdgeError, messageOf, PartialFailure } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN, type Checked } from "../resource/unknown";
import type { ImsClient } from "./client";
import { digestFile, rootfsForm, ROLES } from "./imageFiles";
import { deleteRecord, readRecord, writeRecord } from "./imageRecord";
import { readImageContent } from "./imageResult";
import { uploadImage } from "./imageUpload";
import { obtainRecord } from "./importedRecord";
import { ims } from "./system";

const HOUR = 60 * 60_000;

const file = (): z.ZodString => z.string().min(1, "must be the path of a file");

const inputs = z.object({
    connection: z.string().min(1).optional().meta({ control: true }),
    name: z.string().min(1, "must not be empty").max(200).meta({ replaces: true }),
    // What counts is what the files hold.
    rootfs: file().meta({ control: true }),
    kernel: file().meta({ control: true }),
    initrd: file().meta({ control: true }),
    arch: z.enum(["x86_64", "aarch64"]).optional(),
    metadata: z.record(z.string().min(1), z.string()).optional(),
    permanentDelete: z.boolean().optional().meta({ control: true }),

    endpoint: z.string().meta({ derived: true }),
    filesHash: z.string().meta({ derived: true, replaces: true }),
});

const outputs = z.object({
    claim: z.string(),
    imageId: z.string(),
    architecture: z.string(),
    manifest: z.string(),
    manifestEtag: z.string(),
    artifacts: z.array(
        z.object({
            ...{ type: z.string(), path: z.string(), etag: z.string(), md5: z.string() },
            sizeBytes: z.number(),
        }),
    ),
});

type Inputs = z.output<typeof inputs>;
type Outputs = z.output<typeof outputs>;
type ImsContext = Context<ImsClient>;

export const importedImage = defineResource({
    kind: "ims.ImportedImage",
    system: ims,
    inputs,
    outputs,
    timeouts: { create: 8 * HOUR, update: 8 * HOUR, delete: HOUR },

    async check(image, context, state) {
        const endpoint = await context.ifAvailable(
            async (): Promise<string | typeof UNKNOWN> => context.client.endpoint,
            state?.endpoint ?? UNKNOWN,
        );
        const problems: Problem[] = [];
        const hash = crypto.createHash("sha256");
        const before = state?.filesHash ?? UNKNOWN;
        let isComplete = true;
        for (const role of ROLES) {
            const given = image[role];
            const digest = isKnown(given)
                ? await context.ifAvailable(() => digestFile(given, context), undefined)
                : undefined;
            if (!digest || !isKnown(given)) {
                isComplete = false;
                continue;
            }
            hash.update(`${role} ${digest.sha256}\n`);
            if (digest.sizeBytes === 0) problems.push({ path: [role], message: `${given} is empty` });
            else if (role === "rootfs") problems.push(...(await rootfsProblems(given, context)));
        }
        const filesHash = isComplete ? hash.digest("hex") : anyUnknown(image) ? UNKNOWN : before;
        return { problems, values: { endpoint, filesHash } };
    },

    async create(image, context) {
        const { name, arch, filesHash } = image;
        const content = crypto.createHash("sha256").update(JSON.stringify({ name, filesHash })).digest("hex");
        const claim = context.newClaim();
        const id = await obtainRecord({ name, arch }, { claim, content }, context);
        try {
            return { id, outputs: await complete(id, { image, claim, before: {} }, context) };
        } catch (error) {
            // What has been uploaded counts: the next up sends the rest.
            const reached = { id, outputs: { claim, imageId: id } };
            throw new PartialFailure([messageOf(error)], reached, { cause: error });
        }
    },

    async read(id, { inputs: declared, outputs: before }, context) {
        const found = await readRecord(id, declared, context);
        return found && { inputs: found.inputs, outputs: { ...found.outputs, claim: before.claim } };
    },

    async update(id, state, image, context) {
        const { claim } = state.outputs;
        return {
            outputs: await complete(id, { image, claim, before: state.inputs.metadata ?? {} }, context),
        };
    },

    async delete(id, { inputs: image, outputs }, context) {
        await deleteRecord(id, image, outputs, context);
    },
});

function anyUnknown(image: Checked<Inputs>): boolean {
    return ROLES.some((role) => !isKnown(image[role]));
}

async function rootfsProblems(given: string, { projectDir }: ImsContext): Promise<Problem[]> {
    if ((await rootfsForm(path.resolve(projectDir, given))) !== undefined) return [];
    const message = `${given} is neither a SquashFS nor a tar archive (plain, or packed with gzip, xz, bzip2 or zstd)`;
    return [{ path: ["rootfs"], message }];
}

/** Brings a record from wherever it is to what the program says. */
async function complete(
    id: string,
    { image, claim, before }: { image: Inputs; claim: string; before: Readonly<Record<string, string>> },
    context: ImsContext,
): Promise<Outputs> {
    const { client, signal } = context;
    const present = await client.get("images", id, { signal });
    if (!present) throw new EdgeError(`image ${id} is gone: run with --refresh, and it is imported again`);
    const linked = present.link
        ? present
        : await client.setLink(id, await uploadImage(present, image, context), { signal });
    // A manifest that is no JSON would have been taken, too.
    const content = await readImageContent(linked, client, { signal });
    const architecture = await writeRecord(linked, image, before, context);
    context.progress(`image ${id}`);
    return { claim, imageId: id, architecture, ...content };
}

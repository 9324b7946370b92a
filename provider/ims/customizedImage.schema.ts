import { z } from "zod";
import { durationField, publicKeyProblem, templateName } from "./fields";
import { stepSchema } from "./steps/schema";

const NAME_RULES = { min: "must not be empty" };

const timeLimits = z.strictObject({
    job: durationField().optional(),
    ssh: durationField().optional(),
    step: durationField().optional(),
    packaging: durationField().optional(),
});

const ssh = z.strictObject({
    via: z.enum(["customer_access", "cluster.local"]).optional(),
    host: z.string().min(1).optional(),
    port: z.number().int().min(1).max(65_535).optional(),
    jump: z.string().min(1).optional(),
});

export const inputs = z.object({
    connection: z.string().min(1).optional().meta({ control: true }),
    // What counts is the image that is meant: its id and its content follow.
    baseImage: z
        .union([
            z.string().min(1, NAME_RULES.min),
            z.strictObject({
                name: z.string().min(1, NAME_RULES.min),
                pick: z.enum(["only", "newest"]).optional(),
            }),
        ])
        .meta({ control: true }),
    name: templateName("name").meta({ replaces: true }),
    kernelFileName: templateName("kernelFileName").optional().meta({ replaces: true }),
    initrdFileName: templateName("initrdFileName").optional().meta({ replaces: true }),
    jail: z.boolean().optional().meta({ control: true }),
    buildEnvSize: z.number().int().min(1, "must be at least 1 GiB").optional().meta({ control: true }),
    jobMemSize: z.number().int().min(1, "must be at least 1 GiB").optional().meta({ control: true }),
    requireDkms: z.boolean().optional().meta({ replaces: true }),
    publicKey: z
        .string()
        .superRefine((text, context) => {
            const problem = publicKeyProblem(text);
            if (problem !== undefined) context.addIssue(problem);
        })
        .optional()
        .meta({ control: true }),
    steps: z.array(stepSchema).min(1, "must have at least one step").meta({ replaces: true }),
    metadata: z.record(z.string().min(1), z.string()).optional(),
    arch: z.enum(["x86_64", "aarch64"]).optional(),
    onFailure: z.enum(["delete", "keep"]).optional().meta({ control: true }),
    permanentDelete: z.boolean().optional().meta({ control: true }),
    timeLimits: timeLimits.optional().meta({ control: true }),
    ssh: ssh.optional().meta({ control: true }),

    endpoint: z.string().meta({ derived: true }),
    baseImageId: z.string().meta({ derived: true, replaces: true }),
    /** Of the base's manifest: other content under the same record. */
    baseEtag: z.string().meta({ derived: true, replaces: true }),
    /** Of the local files that the steps use. */
    filesHash: z.string().optional().meta({ derived: true, replaces: true }),
});

export const outputs = z.object({
    claim: z.string(),
    imageId: z.string(),
    architecture: z.string(),
    manifest: z.string(),
    manifestEtag: z.string(),
    artifacts: z.array(
        z.object({
            type: z.string(),
            path: z.string(),
            etag: z.string(),
            md5: z.string(),
            sizeBytes: z.number(),
        }),
    ),
    jobHistory: z.array(z.object({ status: z.string(), after: z.number() })),
});

export type CustomizedImageInputs = z.output<typeof inputs>;
export type CustomizedImageOutputs = z.output<typeof outputs>;

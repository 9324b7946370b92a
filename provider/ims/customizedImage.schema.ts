import { z } from "zod";
import { messageOf } from "../resource/errors";
import { parseSshAddress } from "../ssh/address";
import { durationField, publicKeyProblem } from "./fields";
import { jobFields, meantField } from "./jobFields";
import { stepSchema } from "./steps/schema";

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
    jump: z
        .string()
        .superRefine((text, context) => {
            try {
                parseSshAddress(text);
            } catch (error) {
                context.addIssue(messageOf(error));
            }
        })
        .optional(),
});

export const inputs = z.object({
    ...jobFields,
    baseImage: meantField(),
    jail: z.boolean().optional().meta({ control: true }),
    publicKey: z
        .string()
        .superRefine((text, context) => {
            const problem = publicKeyProblem(text);
            if (problem !== undefined) context.addIssue(problem);
        })
        .optional()
        .meta({ control: true }),
    steps: z.array(stepSchema).min(1, "must have at least one step").meta({ replaces: true }),
    onFailure: z.enum(["delete", "keep"]).optional().meta({ control: true }),
    timeLimits: timeLimits.optional().meta({ control: true }),
    ssh: ssh.optional().meta({ control: true }),

    baseImageId: z.string().meta({ derived: true, replaces: true }),
    /** Of the base's manifest: other content under the same record. */
    baseEtag: z.string().meta({ derived: true, replaces: true }),
    /** Of the local files that the steps use. */
    filesHash: z.string().optional().meta({ derived: true, replaces: true }),
});

export { outputs } from "./jobImage";

export type CustomizedImageInputs = z.output<typeof inputs>;

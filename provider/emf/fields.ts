import { z } from "zod";
import { EMF_CLAIM_KEY } from "./claims";
import { HOST_NAME, metadataProblem, METADATA_ITEMS_MAX } from "./hostRules";

/** Which EMF a resource is in: the same four inputs for every kind. */
export const targetFields = {
    connection: z.string().min(1, "must not be empty").optional().meta({ control: true }),
    project: z
        .string()
        .min(1, "must not be empty")
        .max(100, "must have at most 100 characters")
        .optional()
        .meta({
            control: true,
        }),
    /** Inputs and not outputs, so that a changed address of the same project is an update. */
    endpoint: z.string().optional().meta({ derived: true }),
    projectUid: z.string().optional().meta({ derived: true }),
};

/** Names of regions, sites and instances. */
export function placeName(): z.ZodString {
    return z
        .string()
        .min(1, "must not be empty")
        .max(50, "must have at most 50 characters")
        .refine((name) => name === "" || HOST_NAME.test(name), {
            message: "may have letters a-z, digits, blanks and - _ . / : only",
        });
}

/** Names of local accounts and custom configs. */
export function immutableName(): z.ZodString {
    return z
        .string()
        .regex(
            /^[a-z][a-z0-9-]{0,31}$/,
            "must be 1 to 32 lower-case letters, digits and -, beginning with a letter",
        );
}

/** An id as EMF makes them: `region-1a2b3c4d`. */
export function idOf(prefix: "region" | "site" | "os"): z.ZodString {
    return z
        .string()
        .regex(new RegExp(`^${prefix}-[0-9a-f]{8}$`), `must be an id such as ${prefix}-1a2b3c4d`);
}

/** Metadata of regions and sites, which their hosts inherit. */
export function placeMetadata(): z.ZodRecord<z.ZodString, z.ZodString> {
    return z.record(z.string(), z.string()).superRefine((metadata, context) => {
        const entries = Object.entries(metadata);
        if (entries.length > METADATA_ITEMS_MAX) {
            context.addIssue({ code: "custom", message: `may have at most ${METADATA_ITEMS_MAX} keys` });
        }
        for (const [key, value] of entries) {
            const message =
                key === ""
                    ? "a key must not be empty"
                    : key === EMF_CLAIM_KEY
                      ? RESERVED
                      : metadataProblem(key, value);
            if (message !== undefined) context.addIssue({ code: "custom", message, path: [] });
        }
    });
}

const RESERVED = `the key ${EMF_CLAIM_KEY} is this package's own: leave it out`;

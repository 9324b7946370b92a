import { z } from "zod";
import { PALETTE_CLAIM_KEY } from "./claims";
import { labelValueFault } from "./labels";
import { trimmed, yamlFault } from "./packValues";
import { PACK_TYPES, PROFILE_TYPES, VARIABLE_FORMATS, VARIABLE_INPUTS } from "./profileApi";
import { targetFields } from "./target";

const word = z.string().min(1, "must not be empty");

/** Values count without the blanks at their ends. */
const yamlField = z
    .string()
    .overwrite(trimmed)
    .superRefine((text, context) => {
        const fault = yamlFault(text);
        if (fault !== undefined) context.addIssue(`is no YAML: ${fault}`);
    });

export const tagsField = z.record(word, z.string()).superRefine((tags, context) => {
    for (const [key, value] of Object.entries(tags)) {
        const fault =
            key === PALETTE_CLAIM_KEY
                ? `the key ${PALETTE_CLAIM_KEY} is this package's own: leave it out`
                : labelValueFault(value);
        if (fault !== undefined) context.addIssue({ code: "custom", message: fault, path: [key] });
    }
});

const packField = z.object({
    name: word,
    tag: word.optional(),
    registry: word.optional(),
    type: z.enum(PACK_TYPES).optional(),
    values: yamlField.optional(),
    overrides: yamlField.optional(),
    manifests: z.array(z.object({ name: word, content: yamlField })).optional(),
    kubernetesVersions: z.array(z.string()).optional(),
});

const variableField = z.object({
    name: z.string().regex(/^[A-Za-z][\w-]*$/, "must be letters, digits, _ and -, beginning with a letter"),
    displayName: z.string().optional(),
    description: z.string().optional(),
    format: z.enum(VARIABLE_FORMATS).optional(),
    default: z.string().optional(),
    regex: z.string().optional(),
    inputType: z.enum(VARIABLE_INPUTS).optional(),
    options: z.array(z.object({ value: z.string(), label: z.string().optional() })).optional(),
    required: z.boolean().optional(),
    immutable: z.boolean().optional(),
    hidden: z.boolean().optional(),
    sensitive: z.boolean().optional(),
});

export const clusterProfileInputs = z.object({
    ...targetFields,
    name: word.meta({ replaces: true }),
    version: z
        .string()
        .regex(/^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/, "must be a version such as 1.2.0")
        .default("1.0.0")
        .meta({ replaces: true }),
    scope: z.enum(["project", "tenant"]).optional().meta({ replaces: true }),
    description: z.string().optional(),
    tags: tagsField.optional(),
    type: z.enum(PROFILE_TYPES).default("cluster"),
    cloud: word.optional(),
    packs: z.array(packField).min(1, "must have at least one pack"),
    variables: z.array(variableField).optional(),
    onContentChange: z.enum(["refuse", "overwrite-when-unused"]).default("refuse").meta({ control: true }),
    adopt: z.boolean().optional().meta({ control: true }),

    /** Palette's ids of the packs by their names: they say registry and version, too. */
    packUids: z.record(z.string(), z.string()).meta({ derived: true }),
    systemUri: z.string().optional().meta({ derived: true }),
    kubernetesVersion: z.string().optional().meta({ derived: true }),
    /** What somebody has changed in Palette since; a program never has it. */
    edited: z.array(z.string()).optional().meta({ derived: true }),
});

export const clusterProfileOutputs = z.object({
    uid: z.string(),
    /** What stands in the profile's labels while it is this row's. */
    claim: z.string(),
});

export type ProfileInputs = z.output<typeof clusterProfileInputs>;
export type ProfilePackInput = ProfileInputs["packs"][number];
export type ProfileVariableInput = NonNullable<ProfileInputs["variables"]>[number];

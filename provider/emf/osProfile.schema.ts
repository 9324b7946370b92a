import { z } from "zod";
import { messageOf } from "../resource/errors";
import { parseSshAddress } from "../ssh/address";
import { idOf, targetFields } from "./fields";
import { imageUrlProblems } from "./imageUrl";
import { imageTraits } from "./osProfile.image";
import { readMetadata } from "./osProfileMetadata";
import { osProvider, osType, securityFeature } from "./osProfile.spelling";

const IMAGE_CHARACTERS = /^[a-zA-Z\-_0-9./:;=@?!#,<>*()" ]*$/;
const IMAGE_RULE = 'may have letters a-z, digits, blanks and - _ . / : ; = @ ? ! # , < > * ( ) " only';
/** RFC 3986, which EMF checks these fields against. */
const URI_REFERENCE = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

export const osProfileInputs = z.object({
    ...targetFields,
    name: z
        .string()
        .min(1, "must not be empty")
        .max(128, "must have at most 128 characters")
        .regex(/^[a-zA-Z\-_0-9./: ()]+$/, "may have letters a-z, digits, blanks and - _ . / : ( ) only")
        .meta({ replaces: true }),
    imageUrl: z.string().superRefine((url, context) => {
        const problems = imageUrlProblems(url);
        if (problems.length > 0) context.addIssue({ code: "custom", message: bullets(problems) });
    }),
    imageFormat: z.enum(["raw", "qcow2"]).optional().meta({ control: true }),
    imageSizeBytes: z.number().int().positive("must be more than 0").optional().meta({ control: true }),
    imageTraits: imageTraits.optional().meta({ control: true }),
    sha256: z
        .string()
        .overwrite((digest) => digest.trim().toLowerCase())
        .regex(
            /^[0-9a-f]{64}$/,
            "must be a SHA-256 digest: 64 hexadecimal digits, of the file as hosts download it",
        ),
    type: z.enum(["MUTABLE", "IMMUTABLE", "OS_TYPE_MUTABLE", "OS_TYPE_IMMUTABLE"]).transform(osType),
    securityFeature: z
        .enum([
            "NONE",
            "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
            "SECURITY_FEATURE_NONE",
            "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION",
        ])
        .transform(securityFeature),
    provider: z
        .enum(["INFRA", "LENOVO", "OS_PROVIDER_KIND_INFRA", "OS_PROVIDER_KIND_LENOVO"])
        .transform(osProvider)
        .default("INFRA"),
    architecture: text(20).optional(),
    profileName: text(128).optional(),
    imageId: text(500).optional(),
    description: z
        .string()
        .max(1000, "must have at most 1000 characters")
        .regex(
            /^[a-zA-Z\-_0-9.:;=@?!#,<>*(){}&%$`^+ ]*$/,
            "may have letters a-z, digits, blanks and - _ . : ; = @ ? ! # , < > * ( ) { } & % $ ` ^ + only: no slash and no quotes",
        )
        .optional(),
    metadata: z
        .union(
            [z.string(), z.record(z.string(), z.string())],
            "must be a map of text, or lines of the form key: value",
        )
        .transform((given, context) => {
            const { metadata, problems } = readMetadata(given);
            if (problems.length > 0) context.addIssue({ code: "custom", message: bullets(problems) });
            return metadata;
        })
        .optional(),
    tlsCaCert: z.string().optional().meta({ control: true }),
    certificateFingerprint: z
        .string()
        .regex(
            /^\s*(sha-?256[: ]\s*|sha256 fingerprint=)?([0-9a-f]{2}:?){31}[0-9a-f]{2}\s*$/i,
            "must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons",
        )
        .optional()
        .meta({ control: true }),
    probeFrom: z
        .string()
        .superRefine((text, context) => {
            try {
                // Whom to log in as may stand in the settings.
                parseSshAddress(text, { user: "user" });
            } catch (error) {
                context.addIssue({ code: "custom", message: messageOf(error) });
            }
        })
        .optional()
        .meta({ control: true }),
    existingCvesUrl: uriReference(500).optional(),
    fixedCvesUrl: uriReference(500).optional(),
    installedPackagesUrl: uriReference(200).optional(),
    onContentChange: z.enum(["refuse", "replace-when-unused"]).optional().meta({ control: true }),
    adopt: z.boolean().optional().meta({ control: true }),
    /** The certificate hosts get, base64 of PEM. */
    pinnedCertificate: z.string().optional().meta({ derived: true }),
    /** Of the certificate in EMF: one that was changed there shows as a changed fingerprint. */
    pinnedFingerprint: z.string().optional().meta({ derived: true }),
});

export const osProfileOutputs = z.object({
    resourceId: idOf("os"),
    claim: z.string(),
});

export type OsProfileInputs = z.output<typeof osProfileInputs>;
export type OsProfileOutputs = z.output<typeof osProfileOutputs>;

function text(most: number): z.ZodString {
    return z.string().max(most, `must have at most ${most} characters`).regex(IMAGE_CHARACTERS, IMAGE_RULE);
}

function uriReference(most: number): z.ZodString {
    return z
        .string()
        .max(most, `must have at most ${most} characters`)
        .regex(URI_REFERENCE, "must be a URL, with other characters percent-encoded");
}

/** Several faults of one input under one line. */
export function bullets(problems: readonly string[]): string {
    const [only] = problems;
    if (problems.length === 1 && only !== undefined) return only;
    return ["has several problems:", ...problems.map((problem) => `  - ${problem}`)].join("\n");
}

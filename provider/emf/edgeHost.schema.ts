import { z } from "zod";
import { placeMetadata, targetFields } from "./fields";
import { HOST_NAME, HOST_NAME_MAX, HOST_NAME_RULE, SERIAL, SERIAL_RULE, UUID, UUID_RULE } from "./hostRules";

export const SECURITY_FEATURES = ["NONE", "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION"] as const;

/** The API's spelling is taken too. */
const securityFeature = z.preprocess(
    (value) => (typeof value === "string" ? value.replace(/^SECURITY_FEATURE_/, "") : value),
    z.enum(SECURITY_FEATURES).optional(),
);

/** An id or a name; which names there are only EMF knows. */
const reference = z.string().trim().min(1, "must be an id or a name");

/** What a field means that is not given. Not written into the state: a thousand hosts would repeat it. */
export const DEFAULTS = {
    securityFeature: "NONE",
    autoOnboard: true,
    enableVpro: false,
    reimage: "refuse",
    adopt: false,
} as const;

export const edgeHostInputs = z.object({
    ...targetFields,
    serial: z.string().regex(SERIAL, SERIAL_RULE).optional().meta({ replaces: true }),
    uuid: z.string().regex(UUID, UUID_RULE).toLowerCase().optional().meta({ replaces: true }),
    name: z.string().regex(HOST_NAME, HOST_NAME_RULE).max(HOST_NAME_MAX, HOST_NAME_RULE).optional(),
    site: reference.optional(),
    metadata: placeMetadata().optional(),
    osProfile: reference.optional(),
    /** For the check alone, which takes it out of the inputs: no state repeats it for every host. */
    imageSha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits")
        .optional()
        .meta({ control: true }),
    securityFeature,
    localAccount: reference.optional(),
    customConfigs: z.array(reference).optional(),
    lvmSizeGb: z.int().min(0).optional(),
    autoOnboard: z.boolean().optional(),
    enableVpro: z.boolean().optional(),
    reimageToken: z.string().optional(),
    reimage: z.enum(["refuse", "allow"]).optional().meta({ control: true }),
    adopt: z.boolean().optional().meta({ control: true }),
});

export const edgeHostOutputs = z.object({
    hostId: z.string().optional(),
    instanceId: z.string().optional(),
    /** What stands in the host's metadata while it is this row's. */
    claim: z.string(),
});

export type EdgeHostInputs = z.output<typeof edgeHostInputs>;
export type EdgeHostOutputs = z.output<typeof edgeHostOutputs>;

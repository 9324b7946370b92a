import { z } from "zod";
import { guardedPublication } from "../image/diskImage.publish";
import { fileNameOf, isRemote, locationProblem } from "../image/source/location";
import { buildArguments } from "./arguments.schema";
import { smokeTestOptions } from "./smokeTest.schema";
import { sourceSchema } from "./source";
import { verification } from "./verify.schema";

const localPath = (what: string): z.ZodString => z.string().min(1, `must be the path of ${what}`);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 digest: 64 hexadecimal digits");

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/;

/** Firmware of the appliance payload: a file, or an address with the digest of what is there. */
const firmware = z
    .strictObject({
        source: localPath("a file, or an https:// address"),
        sha256: sha256.optional(),
    })
    .superRefine(({ source, sha256: digest }, issues) => {
        const problem = locationProblem(source);
        if (problem !== undefined) {
            issues.addIssue({ code: "custom", path: ["source"], message: problem });
            return;
        }
        if (!FILE_NAME.test(fileNameOf(source))) {
            issues.addIssue({
                code: "custom",
                path: ["source"],
                message:
                    "must end in a file name of letters, digits and . _ + ~ -, beginning with a letter or digit: it stands in the " +
                    "commands of a Dockerfile, where others would be read as part of them",
            });
        }
        if (digest !== undefined || !isRemote(source)) return;
        issues.addIssue({
            code: "custom",
            path: ["sha256"],
            message: "is required for an address: without it, whatever is there would be built in",
        });
    });

const edgeAppliance = z.strictObject({
    doca: firmware.optional(),
    bfb: firmware.optional(),
    packages: z
        .array(z.string().regex(/^[a-z0-9][a-z0-9.+-]*$/, "must be the name of a Debian package"))
        .optional(),
    nodeprep: localPath("a script").optional(),
    dockerfile: localPath("a file with instructions of a Dockerfile").optional(),
});

export type CheckedEdgeAppliance = z.output<typeof edgeAppliance>;

/** A place in the checkout. */
const PLACE = /^(?!\/)(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9_. /-]+$/;
/** They are written by this package itself. */
const OWN_PLACES = [".arg", "user-data", ".git"];

const files = z.record(z.string(), localPath("a file or folder")).superRefine((given, issues) => {
    for (const place of Object.keys(given)) {
        const [first = ""] = place.split("/", 1);
        if (!PLACE.test(place))
            issues.addIssue(`${place} is no place in the checkout: a relative path without ..`);
        else if (OWN_PLACES.includes(first)) issues.addIssue(`${place} is written from the other inputs`);
    }
});

const TARGET = /^[a-z][a-z0-9-]*$/;

export const applianceInputs = z.object({
    connection: z.string().min(1).optional().meta({ control: true }),
    // What all of these hold is in `inputHash`.
    source: sourceSchema.meta({ control: true }),
    arguments: buildArguments.meta({ control: true }),
    targets: z
        .array(z.string().regex(TARGET, "must be the name of a target, without +"))
        .min(1)
        .optional()
        .meta({ control: true }),
    overlay: localPath("a folder").optional().meta({ control: true }),
    files: files.optional().meta({ control: true }),
    dockerfile: localPath("a file with instructions of a Dockerfile").optional().meta({ control: true }),
    userData: z
        .union([z.string(), z.record(z.string(), z.unknown())])
        .optional()
        .meta({ control: true }),
    edgeAppliance: edgeAppliance.optional().meta({ control: true }),
    exactTag: z.boolean().optional().meta({ control: true }),
    verify: z.union([verification, z.literal(false)]).optional(),
    smokeTest: z.union([smokeTestOptions, z.boolean()]).optional(),
    push: z.boolean().optional(),
    publish: guardedPublication.optional(),
    onDelete: z.enum(["keep", "remove"]).optional().meta({ control: true }),

    commit: z.string().meta({ derived: true, control: true }),
    /** Of `arguments.baseImage`, with its digest; empty for CanvOS's own. */
    baseImage: z.string().meta({ derived: true, control: true }),
    inputHash: z.string().meta({ derived: true, replaces: true }),
    references: z.record(z.string(), z.string()).meta({ derived: true, control: true }),
    systemUri: z.string().meta({ derived: true, control: true }),
    profileValues: z.string().meta({ derived: true, control: true }),
    pulledImages: z.array(z.string()).meta({ derived: true, control: true }),
    firmware: z.record(z.string(), z.string()).meta({ derived: true, control: true }),
    /** False once a refresh has not found an image, or the ISO, where it was brought to. */
    intact: z.boolean().meta({ derived: true }),
    /** The ISO's part in that. */
    isoIntact: z.boolean().meta({ derived: true, control: true }),
    /** Raised when images were lost and have to be built again: their tags are new ones. */
    generation: z.number().meta({ derived: true, control: true }),
});

export type ApplianceInputs = z.output<typeof applianceInputs>;

const image = z.object({
    kubernetesVersion: z.string(),
    reference: z.string(),
    /** Of its manifest in the registry. */
    digest: z.string().optional(),
    dockerImageId: z.string(),
});

const publishedIso = z.object({
    fileName: z.string(),
    sha256: z.string(),
    sizeBytes: z.number(),
    url: z.string(),
    claim: z.string(),
    /** Tells "removed" from "not here": a folder may be on another machine's disk. */
    machine: z.string(),
});

export type PublishedIso = z.output<typeof publishedIso>;

const seconds = z.number().optional();

/** In seconds; what was not done in the run that has built is missing. */
const durations = z.object({
    checkout: seconds,
    baseImage: seconds,
    targets: z.record(z.string(), z.number()),
    verify: seconds,
    smokeTest: seconds,
    push: seconds,
    publish: seconds,
});

export type Durations = z.output<typeof durations>;

export const applianceOutputs = z.object({
    images: z.array(image),
    iso: z
        .object({
            path: z.string(),
            sizeBytes: z.number(),
            sha256: z.string(),
            url: z.string().optional(),
        })
        .optional(),
    publishedIso: publishedIso.optional(),
    /** CanvOS's own base image with its digest. */
    builtFrom: z.string().optional(),
    artifacts: z.array(
        z.object({ name: z.string(), path: z.string(), sizeBytes: z.number(), sha256: z.string() }),
    ),
    checksPassed: z.number(),
    report: z.string(),
    logFile: z.string(),
    buildSeconds: z.number(),
    durations,
});

export type ApplianceOutputs = z.output<typeof applianceOutputs>;
export type PushedImage = ApplianceOutputs["images"][number];

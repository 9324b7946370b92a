import { z } from "zod";
import { formatReference, isTag, parseReference } from "../oci/reference";
import { endpointProblem } from "../s3/connection";
import { imageArtifact } from "./publish/artifact";
import type { PublishedFile } from "./publish/publisher";

/** What becomes of the published file when nothing in the stack needs it any more. */
const onDelete = z.enum(["keep", "remove"]).optional();

const directory = z.string().min(1, "must be a folder");
const baseUrl = textWithout(baseUrlProblem);

const s3 = z
    .strictObject({
        bucket: z
            .string()
            .regex(
                /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
                "must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens",
            ),
        prefix: textWithout(prefixProblem).optional(),
        endpoint: textWithout(endpointProblem).optional(),
        region: z.string().min(1).optional(),
        baseUrl: baseUrl.optional(),
    })
    .superRefine((place, issues) => {
        if (place.baseUrl !== undefined || place.endpoint?.startsWith("http:") !== true) return;
        const message = "is required for an endpoint that is not https: hosts refuse other schemes";
        issues.addIssue({ code: "custom", path: ["baseUrl"], message });
    });

const oci = z.strictObject({
    repository: textWithout(repositoryProblem),
    tag: z
        .string()
        .refine(isTag, "must be a tag: letters, digits, dots, hyphens and underscores, at most 128")
        .optional(),
});

/** A folder that a web server hands out. */
export interface DirectoryPublication {
    directory: string;
    baseUrl: string;
    onDelete?: "keep" | "remove" | undefined;
}

export interface S3Publication {
    s3: z.output<typeof s3>;
    onDelete?: "keep" | "remove" | undefined;
}

export interface OciPublication {
    oci: z.output<typeof oci>;
    onDelete?: "keep" | "remove" | undefined;
}

export type Publication = DirectoryPublication | S3Publication | OciPublication;

const PLACES = ["directory", "s3", "oci"] as const;

/** One object for all places, so that a mistake in one is not told as a mistake in each of the others. */
const whole = z.strictObject({
    directory: directory.optional(),
    baseUrl: baseUrl.optional(),
    s3: s3.optional(),
    oci: oci.optional(),
    onDelete,
});

function namesOnePlace(given: z.output<typeof whole>, issues: Pick<z.core.$RefinementCtx, "addIssue">): void {
    const named = PLACES.filter((place) => given[place] !== undefined);
    if (named.length !== 1) {
        const seen = named.length === 0 ? "none" : named.join(" and ");
        issues.addIssue(`must name one place, directory (with baseUrl), s3 or oci, and names ${seen}`);
    } else if (given.directory !== undefined && given.baseUrl === undefined) {
        issues.addIssue({ code: "custom", path: ["baseUrl"], message: "is required" });
    } else if (given.directory === undefined && given.baseUrl !== undefined) {
        const where = given.s3 === undefined ? "an artifact has none" : "it is publish.s3.baseUrl";
        issues.addIssue({ code: "custom", path: ["baseUrl"], message: `belongs to directory: ${where}` });
    }
}

/** `publish` of a `DiskImage`. */
export const publication = z
    // One that is missing is told what there is to choose from.
    .preprocess((given) => given ?? {}, whole.superRefine(namesOnePlace)) as unknown as z.ZodType<
    Publication,
    Publication
>;

/** Who can read what is published. */
export type Access = "authenticated" | "anonymous";

/** `publish` of what not everybody may read: the same places, and whether reading them takes a login. */
export const guardedPublication = whole
    .extend({ access: z.enum(["authenticated", "anonymous"]).optional() })
    .superRefine(namesOnePlace) as unknown as z.ZodType<GuardedPublication, GuardedPublication>;

export type GuardedPublication = Publication & { access?: Access | undefined };

/** Where hosts get the published file; all of it is known before it is there. */
export function publishedUrl(publish: Publication, file: PublishedFile): string {
    if ("oci" in publish) {
        const { registry, repository } = placeOfArtifact(publish.oci);
        return formatReference({ registry, repository, digest: imageArtifact(file).digest });
    }
    const base = "s3" in publish ? bucketUrl(publish.s3) : publish.baseUrl;
    return `${base.replace(/\/+$/, "")}/${file.fileName}`;
}

/** The registry and the repository of a publication that has passed the schema. */
export function placeOfArtifact({ repository, tag }: OciPublication["oci"]): {
    registry: string;
    repository: string;
    tag?: string;
} {
    const read = parseReference(repository);
    if (!read) throw new Error(`no repository: ${repository}`);
    return {
        ...{ registry: read.registry, repository: read.repository },
        ...(tag === undefined ? {} : { tag }),
    };
}

/** A bucket's own address, where it is not handed out under another. */
function bucketUrl({ bucket, prefix, endpoint, region, baseUrl: given }: S3Publication["s3"]): string {
    if (given !== undefined) return given;
    const path = prefix === undefined || prefix === "" ? "" : `/${prefix}`;
    if (endpoint !== undefined) return `${endpoint.replace(/\/+$/, "")}/${bucket}${path}`;
    const host = region === undefined ? "s3.amazonaws.com" : `s3.${region}.amazonaws.com`;
    // A dot in the bucket's name would ask more of the certificate than it is for.
    return bucket.includes(".") ? `https://${host}/${bucket}${path}` : `https://${bucket}.${host}${path}`;
}

function textWithout(problemOf: (text: string) => string | undefined): z.ZodString {
    return z.string().superRefine((text, issues) => {
        const problem = problemOf(text);
        if (problem !== undefined) issues.addIssue(problem);
    });
}

function prefixProblem(text: string): string | undefined {
    const isSound = /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(text) && !/(^|\/)\.\.?(\/|$)/.test(text);
    return isSound || text === ""
        ? undefined
        : "must be a path of letters, digits, dots, hyphens and underscores, without a slash at either end: other characters are refused in image URLs";
}

function repositoryProblem(text: string): string | undefined {
    const read = parseReference(text);
    if (!read) return "must be a repository, for example oci://registry.example.com/edge/ubuntu";
    return read.tag === undefined && read.digest === undefined
        ? undefined
        : "must be a repository without tag or digest: the image is named by its own; another tag is publish.oci.tag";
}

function baseUrlProblem(text: string): string | undefined {
    if (!URL.canParse(text)) return "must be a URL, for example https://images.example.com/edge";
    const url = new URL(text);
    if (url.protocol !== "https:") {
        return "must use https: hosts refuse other schemes when they stream the image";
    }
    if (url.username !== "" || url.password !== "") {
        return "must not hold a user name or password: hosts do not log in";
    }
    if (url.search !== "" || url.hash !== "") {
        return "must end with the folder: hosts tell formats by the end of the URL, where a query would stand";
    }
    return undefined;
}

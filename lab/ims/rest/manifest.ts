import { placeOf, type ObjectPlace, type ObjectStore } from "../objects";
import type { Image, Link } from "../store";
import { isFields, type Values } from "./fields";
import { existing, python, shown } from "./link";
import { DETERMINE, PLEASE_DETERMINE, Problem, unhandled } from "./problem";

const VERSION = "1.0";
const ROOTFS = "application/vnd.cray.image.rootfs.squashfs";

/**
 * Checks the manifest behind a link before an image takes it. A PATCH swallows a manifest that is no JSON; a POST
 * fails on it.
 */
export async function validateImageManifest(
    link: Link,
    objects: ObjectStore,
    verb: "POST" | "PATCH",
): Promise<void> {
    const quoted = verb === "POST" ? python(shown(link)) : python(link);
    const place = await existing(verb === "POST" ? shown(link) : link, objects);
    const manifest = await readManifest(place, objects, verb);
    // Python's falsy values pass unseen.
    if (!manifest || (Array.isArray(manifest) && manifest.length === 0)) return;
    if (!isFields(manifest)) throw unhandled();
    for (const artifact of artifactsOf(manifest)) await validateArtifact(artifact, objects);
    oneRootfs(artifactsOf(manifest), quoted);
}

async function readManifest(
    place: ObjectPlace,
    objects: ObjectStore,
    verb: "POST" | "PATCH",
): Promise<unknown> {
    const content = (await objects.get(place))?.toString("utf8") ?? "";
    try {
        return JSON.parse(content) as unknown;
    } catch {
        if (verb === "PATCH") return undefined;
        throw unhandled();
    }
}

function artifactsOf(manifest: Values): unknown[] {
    if (!("version" in manifest))
        throw new Problem(422, "The image's manifest.json does not contain a version field.");
    if (manifest.version !== VERSION) {
        throw new Problem(
            422,
            `The image's manifest.json has a version that is not supported. Supported image manifest versions are: ${VERSION}`,
        );
    }
    if (!("artifacts" in manifest)) throw malformed("It does not contain an artifacts map.");
    if (!Array.isArray(manifest.artifacts)) throw malformed("The artifacts property is not a json list.");
    return manifest.artifacts as unknown[];
}

async function validateArtifact(artifact: unknown, objects: ObjectStore): Promise<void> {
    if (!isFields(artifact)) throw malformed("A listed artifact is not a json dictionary.");
    if (!("link" in artifact)) throw malformed("An artifact does not have a link value");
    const { link } = artifact;
    if (!isFields(link) || !("type" in link)) throw malformed("An artifact does not have a link type field");
    if (link.type !== "s3") throw malformed(`An artifact link type '${String(link.type)}' not supported`);
    if (!("path" in link)) throw malformed("An artifact does not have a link path field");
    await existing(link as unknown as Link, objects);
    if (!("type" in artifact)) throw malformed("An artifact does not have a type field");
}

function malformed(what: string): Problem {
    return new Problem(422, `The image's manifest.json is malformed. ${what}`);
}

function oneRootfs(artifacts: readonly unknown[], whose: string): Values {
    const rootfs = artifacts.filter(
        (artifact): artifact is Values => isFields(artifact) && String(artifact.type).startsWith(ROOTFS),
    );
    const [first, second] = rootfs;
    if (!first) {
        throw new Problem(
            400,
            `Error reading the manifest.json for IMS ${whose}. The manifest does not include any rootfs artifacts. ${DETERMINE}`,
        );
    }
    if (second) {
        throw new Problem(
            400,
            `Error reading the manifest.json for ${whose}. The manifest includes multiple rootfs artifacts. ${DETERMINE}`,
        );
    }
    return first;
}

/** The root file system a job on this image starts from. */
export async function rootfsForJob(image: Image, objects: ObjectStore): Promise<ObjectPlace> {
    if (!image.link) {
        throw new Problem(
            400,
            `The IMS image does not have an artifact_link for image_id=${image.id}. ${PLEASE_DETERMINE}`,
        );
    }
    const manifest = await readManifest(await existing(shown(image.link), objects), objects, "POST");
    const artifacts = isFields(manifest) && manifest.version === VERSION ? manifest.artifacts : undefined;
    if (
        !Array.isArray(artifacts) ||
        !artifacts.every((artifact) => isFields(artifact) && "type" in artifact)
    ) {
        throw new Problem(
            400,
            `The manifest.json file is corrupt or invalid for IMS image_id=${image.id}. Could not determine the manifest version or manifest version is unsupported. ${DETERMINE}`,
        );
    }
    const { link } = oneRootfs(artifacts, `image_id=${image.id}`);
    if (!isFields(link)) {
        throw new Problem(
            400,
            `The rootfs referenced in the manifest.json for ims_image_id=${image.id} does not have a artifact link. ${PLEASE_DETERMINE}`,
        );
    }
    return existing(link as unknown as Link, objects);
}

/** An artifact of a manifest that could be read, as far as deletion needs it. */
export interface Artifact {
    readonly type?: unknown;
    readonly md5?: unknown;
    readonly place: ObjectPlace;
}

/** The artifacts of the manifest behind a link; undefined when there is none to read. */
export async function readArtifacts(link: Link, objects: ObjectStore): Promise<Artifact[] | undefined> {
    const place = placeOf(link.path);
    const content = place && (await objects.get(place));
    if (!content) return undefined;
    try {
        const manifest = JSON.parse(content.toString("utf8")) as unknown;
        const artifacts = isFields(manifest) && Array.isArray(manifest.artifacts) ? manifest.artifacts : [];
        return artifacts.flatMap((artifact: unknown) => {
            const target =
                isFields(artifact) && isFields(artifact.link) ? placeOf(artifact.link.path) : undefined;
            return target ? [{ ...(artifact as Values), place: target }] : [];
        });
    } catch {
        return [];
    }
}

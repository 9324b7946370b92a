import { pathOf, placeOf, type ObjectPlace, type ObjectStore } from "../objects";
import type { Image, Link } from "../store";
import { python, shown } from "./link";
import { readArtifacts } from "./manifest";
import { PLEASE_DETERMINE, Problem } from "./problem";

const FOLDER = "deleted/";
const MANIFEST = "application/vnd.cray.image.manifest";

/** Moves an image's objects to `deleted/` and writes a manifest of them. Returns the deleted record's link. */
export async function hideObjects(image: Image, objects: ObjectStore, now: string): Promise<Link | null> {
    const { link } = image;
    const manifest = link && placeOf(link.path);
    const artifacts = link && (await readArtifacts(link, objects));
    // Without its manifest nobody knows what belongs to the image.
    if (!manifest || !artifacts) return link;
    const moved = [];
    for (const { place, type, md5 } of [...artifacts, { place: manifest, type: MANIFEST, md5: undefined }]) {
        const target = { bucket: place.bucket, key: FOLDER + place.key };
        if (!(await moveObject(place, target, objects))) continue;
        const etag = (await objects.head(target))?.etag ?? "";
        const newLink = { etag, path: pathOf(target), type: "s3" };
        moved.push({ type, ...(md5 === undefined ? {} : { md5 }), link: newLink });
    }
    const listing = { bucket: manifest.bucket, key: `${FOLDER}${image.id}/deleted_manifest.json` };
    const content = { version: "1.0", created: now, artifacts: moved };
    await objects.put(listing, Buffer.from(JSON.stringify(content)));
    return { path: pathOf(listing), etag: "", type: "s3" };
}

/** Moves an image's objects back. Returns the link the record has again. */
export async function restoreObjects(image: Image, objects: ObjectStore): Promise<Link | null> {
    const { link } = image;
    if (!link) return null;
    const artifacts = await readArtifacts(link, objects);
    const listing = placeOf(link.path);
    if (!artifacts || !listing) {
        throw new Problem(
            422,
            `Unable to read manifest file for the s3 artifact ${python(shown(link))}. ${PLEASE_DETERMINE}`,
        );
    }
    let restored: Link | null = null;
    for (const { place, type } of artifacts) {
        const target = { bucket: place.bucket, key: place.key.replace(FOLDER, "") };
        if (!(await moveObject(place, target, objects)) || type !== MANIFEST) continue;
        const etag = (await objects.head(target))?.etag ?? "";
        restored = { path: pathOf(target), etag, type: "s3" };
    }
    await objects.remove(listing);
    return restored;
}

/** Removes an image's objects and the manifest that lists them. */
export async function removeObjects({ link }: Image, objects: ObjectStore): Promise<void> {
    const manifest = link && placeOf(link.path);
    if (!manifest) return;
    for (const { place } of (await readArtifacts(link, objects)) ?? []) await objects.remove(place);
    await objects.remove(manifest);
}

/** Whether there was something to move. */
export async function moveObject(from: ObjectPlace, to: ObjectPlace, objects: ObjectStore): Promise<boolean> {
    if (!(await objects.head(from))) return false;
    await objects.copy(from, to);
    await objects.remove(from);
    return true;
}

/** The place of a single object under `deleted/`, or back from there. */
export function hidden(link: Link): { from: ObjectPlace; to: ObjectPlace } | undefined {
    const from = placeOf(link.path);
    return from && { from, to: { bucket: from.bucket, key: FOLDER + from.key } };
}

export function unhidden(link: Link): { from: ObjectPlace; to: ObjectPlace } | undefined {
    const from = placeOf(link.path);
    return from && { from, to: { bucket: from.bucket, key: from.key.replace(FOLDER, "") } };
}

import * as crypto from "node:crypto";
import * as path from "node:path";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { S3Client } from "../s3/client";
import type { ImsImage, ImsLink } from "./api";
import type { ImsClient } from "./client";
import {
    chunksOf,
    digestFile,
    readDigests,
    rootfsForm,
    ROLES,
    type ImageFiles,
    type Role,
} from "./imageFiles";
import { IMAGES_BUCKET } from "./imageObjects";
import { withSquashFs } from "./squashfs";

type ImsContext = Context<ImsClient>;

const TYPES: Readonly<Record<Role, string>> = {
    rootfs: "application/vnd.cray.image.rootfs.squashfs",
    kernel: "application/vnd.cray.image.kernel",
    initrd: "application/vnd.cray.image.initrd",
};

interface Artifact {
    readonly type: string;
    readonly md5: string;
    readonly link: ImsLink;
}

/** Uploads what an image has, and its manifest; what an earlier run has uploaded is not sent again. */
export async function uploadImage(image: ImsImage, files: ImageFiles, context: ImsContext): Promise<ImsLink> {
    const artifacts: Artifact[] = [];
    for (const role of ROLES) artifacts.push(await uploadRole(role, files[role], image, context));
    const created = new Date(context.now()).toISOString().replace("T", " ").replace("Z", "000");
    const manifest = Buffer.from(JSON.stringify({ version: "1.0", created, artifacts }));
    const key = `${image.id}/manifest.json`;
    const md5sum = crypto.createHash("md5").update(manifest).digest("hex");
    const storage = await context.client.storage();
    const { etag } = await storage.putBytes(IMAGES_BUCKET, key, manifest, {
        ...{ metadata: { md5sum }, signal: context.signal },
    });
    return linkTo(key, etag);
}

async function uploadRole(
    role: Role,
    given: string,
    image: ImsImage,
    context: ImsContext,
): Promise<Artifact> {
    const file = path.resolve(context.projectDir, given);
    const form = role === "rootfs" ? await rootfsForm(file) : "squashfs";
    if (form === undefined) throw new EdgeError(`${given} is neither a SquashFS nor a tar archive`);
    if (form === "squashfs") {
        return uploadFile({ role, file, image, ...(await digestFile(given, context)) }, context);
    }
    context.progress(`making a SquashFS of ${given}`);
    const archive = { file, compression: form.archive };
    return withSquashFs(archive, context.signal, async (made) =>
        uploadFile({ role, file: made, image, ...(await readDigests(made, context.signal)) }, context),
    );
}

/** A file on its way to its place. */
interface Sending {
    readonly role: Role;
    readonly file: string;
    readonly image: ImsImage;
    readonly md5: string;
    readonly sizeBytes: number;
}

async function uploadFile(sending: Sending, context: ImsContext): Promise<Artifact> {
    const { role, image, md5, sizeBytes } = sending;
    const key = `${image.id}/${role}`;
    const storage = await context.client.storage();
    const present = await storage.head(IMAGES_BUCKET, key, { signal: context.signal });
    const isThere = present?.metadata.md5sum === md5 && present.sizeBytes === sizeBytes;
    const etag = isThere ? present.etag : await send(storage, key, sending, context);
    return { type: TYPES[role], md5, link: linkTo(key, etag) };
}

async function send(
    storage: S3Client,
    key: string,
    { file, md5, sizeBytes, role, image }: Sending,
    context: ImsContext,
): Promise<string> {
    const { signal } = context;
    const metadata = {
        ...{ md5sum: md5, "x-shasta-ims-image-name": image.name, "x-shasta-ims-image-id": image.id },
    };
    const { etag, digests } = await storage.put(IMAGES_BUCKET, key, chunksOf(file), {
        ...{ sizeBytes, metadata, signal, digests: ["md5"] },
        onProgress: (done) =>
            context.progress(`${role}: ${Math.floor((100 * done) / Math.max(1, sizeBytes))} %`),
    });
    if (digests.md5 === md5) return etag;
    await storage.remove(IMAGES_BUCKET, key, { signal });
    throw new EdgeError(`${path.basename(file)} (${role}) has changed while it was uploaded`);
}

function linkTo(key: string, etag: string): ImsLink {
    return { type: "s3", path: `s3://${IMAGES_BUCKET}/${key}`, etag: etag.replaceAll('"', "") };
}

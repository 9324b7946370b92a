import * as crypto from "node:crypto";
import { pathOf, type ObjectPlace, type ObjectStore } from "../objects";
import type { Image, ImsStore } from "../store";

const BUCKET = "boot-images";
const TYPE = "application/vnd.cray.image";

/** What an image has. */
export interface ImageContent {
    readonly rootfs: Buffer;
    readonly kernel: Buffer;
    readonly initrd: Buffer;
}

/** An image as the service has it after an import: objects, a manifest, and a record that links it. */
export async function registerImage(
    name: string,
    { rootfs, kernel, initrd }: ImageContent,
    { store, objects }: { readonly store: ImsStore; readonly objects: ObjectStore },
): Promise<Image> {
    const id = store.newId();
    const put = async (
        place: ObjectPlace,
        content: Buffer,
        metadata = {},
    ): Promise<Image["link"] & object> => {
        await objects.put(place, content, metadata);
        return { path: pathOf(place), type: "s3", etag: (await objects.head(place))?.etag ?? "" };
    };
    const files = [
        { role: "rootfs", type: `${TYPE}.rootfs.squashfs`, content: rootfs },
        { role: "kernel", type: `${TYPE}.kernel`, content: kernel },
        { role: "initrd", type: `${TYPE}.initrd`, content: initrd },
    ];
    const artifacts = [];
    for (const { role, type, content } of files) {
        const md5 = crypto.createHash("md5").update(content).digest("hex");
        const link = await put({ bucket: BUCKET, key: `${id}/${role}` }, content, { md5sum: md5 });
        artifacts.push({ type, md5, link });
    }
    const manifest = { version: "1.0", created: "2026-11-01 10:00:00", artifacts };
    const place = { bucket: BUCKET, key: `${id}/manifest.json` };
    const link = await put(place, Buffer.from(JSON.stringify(manifest)));
    return store.images.put({ id, name, arch: "x86_64", metadata: {}, created: store.now(), link });
}

import * as crypto from "node:crypto";
import type { Image } from "../../lab/ims/store";
import type { ImsLab } from "../../lab";
import { ImsClient } from "../../provider/ims/client";
import { readImsSettings } from "../../provider/ims/settings";
import { testHost, type TestHost } from "./context";
import { squashedImageRoot } from "./imageRoot";

const TYPE = "application/vnd.cray.image";

/** An image as the service has it after an import: objects, a manifest, and a record that links it. */
export async function importImage(
    ims: ImsLab,
    name: string,
    change?: (folder: string) => void,
): Promise<Image> {
    const { store, objects } = ims;
    const id = store.newId();
    const files = [
        { role: "rootfs", type: `${TYPE}.rootfs.squashfs`, content: squashedImageRoot(change) },
        { role: "kernel", type: `${TYPE}.kernel`, content: Buffer.from("a kernel\n") },
        { role: "initrd", type: `${TYPE}.initrd`, content: Buffer.from("an initrd\n") },
    ];
    const artifacts = [];
    for (const { role, type, content } of files) {
        const md5 = crypto.createHash("md5").update(content).digest("hex");
        const place = { bucket: "boot-images", key: `${id}/${role}` };
        await objects.put(place, content, { md5sum: md5 });
        const etag = (await objects.head(place))?.etag ?? "";
        artifacts.push({ type, md5, link: { path: `s3://boot-images/${place.key}`, type: "s3", etag } });
    }
    const manifest = { bucket: "boot-images", key: `${id}/manifest.json` };
    const content = { version: "1.0", created: "2026-11-01 10:00:00", artifacts };
    await objects.put(manifest, Buffer.from(JSON.stringify(content)));
    const etag = (await objects.head(manifest))?.etag ?? "";
    return store.images.put({
        ...{ id, name, arch: "x86_64", metadata: {}, created: store.now() },
        link: { path: `s3://boot-images/${manifest.key}`, type: "s3", etag },
    });
}

/** What a stack's configuration says about a lab. */
export function imsConfig(ims: ImsLab): Record<string, string> {
    const { endpoint, clientId, clientSecret, caFile } = ims;
    return { endpoint, clientId, clientSecret, caFile };
}

/** A client as the provider process of one run has it: nothing in it is older than the run. */
export function imsClient(
    ims: ImsLab,
    overrides: Record<string, string | undefined> = {},
): { client: ImsClient; host: TestHost } {
    const host = testHost({ config: { "edge-os:ims": { ...imsConfig(ims), ...overrides } } });
    return { client: new ImsClient(readImsSettings(undefined, host), host), host };
}

import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import { pathOf, type ObjectStore } from "../objects";
import type { Image, Job, Link } from "../store";
import { isFile, type Workspace } from "./workspace";

const BUCKET = "boot-images";
const TYPE = "application/vnd.cray.image";

interface Artifact {
    readonly role: string;
    readonly type: string;
    readonly file: string;
}

/** Uploads what the job has made, and a manifest of it. Returns the link to the manifest. */
export async function upload(
    job: Job,
    image: Image,
    packed: string,
    workspace: Workspace,
    objects: ObjectStore,
    signal: AbortSignal,
): Promise<Link> {
    const artifacts = [];
    for (const { role, type, file } of await artifactsOf(job, packed, workspace)) {
        signal.throwIfAborted();
        const content = await fs.readFile(file);
        const md5 = crypto.createHash("md5").update(content).digest("hex");
        const place = { bucket: BUCKET, key: `${image.id}/${role}` };
        await objects.put(place, content, {
            md5sum: md5,
            "x-shasta-ims-image-name": image.name,
            "x-shasta-ims-image-id": image.id,
            "x-shasta-ims-job-id": job.id,
        });
        const etag = (await objects.head(place))?.etag ?? "";
        artifacts.push({ type, md5, link: { path: pathOf(place), type: "s3", etag } });
    }
    const created = new Date().toISOString().replace("T", " ").replace("Z", "000");
    const manifest = Buffer.from(JSON.stringify({ version: "1.0", created, artifacts }));
    const place = { bucket: BUCKET, key: `${image.id}/manifest.json` };
    const md5sum = crypto.createHash("md5").update(manifest).digest("hex");
    await objects.put(place, manifest, { md5sum });
    return { path: pathOf(place), type: "s3", etag: (await objects.head(place))?.etag ?? "" };
}

async function artifactsOf(job: Job, packed: string, workspace: Workspace): Promise<Artifact[]> {
    const parameters = workspace.boot(job.kernel_parameters_file_name);
    return [
        { role: "rootfs", type: `${TYPE}.rootfs.squashfs`, file: packed },
        { role: "kernel", type: `${TYPE}.kernel`, file: workspace.boot(job.kernel_file_name) },
        { role: "initrd", type: `${TYPE}.initrd`, file: workspace.boot(job.initrd_file_name) },
        ...((await isFile(parameters))
            ? [
                  {
                      role: "boot_parameters",
                      type: "application/vnd.cray.image.parameters.boot",
                      file: parameters,
                  },
              ]
            : []),
    ];
}

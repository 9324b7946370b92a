import type { Context } from "../resource/context";
import type { ImsClient } from "./client";

type Reaching = Pick<Context<ImsClient>, "client" | "signal">;

/** Where the system's own helper and its jobs put images, each under its id. */
export const IMAGES_BUCKET = "boot-images";

/** Removes what was uploaded for a record without a link, of which the service knows nothing. */
export async function removeObjects(id: string, { client, signal }: Reaching): Promise<void> {
    const storage = await client.storage();
    for await (const { key } of storage.list(IMAGES_BUCKET, `${id}/`, { signal })) {
        await storage.remove(IMAGES_BUCKET, key, { signal });
    }
}

/** Whether anything was uploaded for a record. */
export async function hasObjects(id: string, { client, signal }: Reaching): Promise<boolean> {
    const storage = await client.storage();
    const first = await storage.list(IMAGES_BUCKET, `${id}/`, { signal }).next();
    return first.done !== true;
}

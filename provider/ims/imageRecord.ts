import type { Context } from "../resource/context";
import type { ImsImage } from "./api";
import { IMS_CLAIM_KEY } from "./claims";
import type { ImsClient } from "./client";
import { assertSameSystem } from "./target";

type ImsContext = Context<ImsClient>;

/** Only the keys that the program names, or named; others, such as those of the boot services, stay. */
export async function writeMetadata(
    { id, metadata }: ImsImage,
    wanted: Readonly<Record<string, string>>,
    before: Readonly<Record<string, string>>,
    { client, signal }: ImsContext,
): Promise<void> {
    for (const [key, value] of Object.entries(wanted)) {
        if (metadata?.[key] !== value) await client.setMetadata(id, key, value, { signal });
    }
    for (const key of Object.keys(before)) {
        if (!(key in wanted)) await client.removeMetadata(id, key, { signal });
    }
}

/** Of an image's metadata what the program names. */
export function declaredMetadata(
    { metadata }: ImsImage,
    declared: Readonly<Record<string, string>> | undefined,
): Record<string, string> | undefined {
    if (!declared) return undefined;
    const present = Object.entries(metadata ?? {}).filter(([key]) => key in declared);
    return Object.fromEntries(present);
}

/**
 * The image as far as it is this row's to delete, softly deleted or not; undefined, told where it matters, for one that
 * is gone or that another resource has taken over.
 */
export async function findOwn(
    id: string,
    { endpoint, claim }: { readonly endpoint: string; readonly claim: string },
    { client, signal, log }: ImsContext,
): Promise<{ present?: ImsImage } | undefined> {
    const present = await client.get("images", id, { signal });
    const found = present ?? (await client.getDeleted("images", id, { signal }));
    if (!found) {
        assertSameSystem(endpoint, client);
        return undefined;
    }
    const written = found.metadata?.[IMS_CLAIM_KEY];
    if (written === undefined || written === claim) return present ? { present } : {};
    log.warn(`image ${id} is left: another resource has taken it over since (claim ${written})`);
    return undefined;
}

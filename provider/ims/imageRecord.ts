import type { Context } from "../resource/context";
import { EdgeError, messageOf } from "../resource/errors";
import { ImsError } from "./answers";
import type { ImsImage } from "./api";
import { IMS_CLAIM_KEY } from "./claims";
import type { ImsClient } from "./client";
import { removeObjects } from "./imageObjects";
import { assertSameSystem } from "./target";

type ImsContext = Context<ImsClient>;

/** What a program says of a record that can be changed in place. */
export interface RecordInputs {
    readonly metadata?: Readonly<Record<string, string>> | undefined;
    readonly arch?: "x86_64" | "aarch64" | undefined;
}

/** The record as it is now; undefined, told where it can be brought back, for one that is gone. */
export async function readRecord(
    id: string,
    declared: RecordInputs & { readonly endpoint: string },
    { client, signal, log }: ImsContext,
): Promise<{ inputs: RecordInputs & { name: string }; outputs: { architecture: string } } | undefined> {
    const image = await client.get("images", id, { signal });
    if (image) {
        const arch = declared.arch === undefined ? {} : { arch: image.arch as "x86_64" };
        const metadata = declaredMetadata(image, declared.metadata);
        return { inputs: { name: image.name, metadata, ...arch }, outputs: { architecture: image.arch } };
    }
    if (await client.getDeleted("images", id, { signal })) {
        log.warn(`image ${id} was deleted softly: the next up brings it back instead of making it anew`);
    } else assertSameSystem(declared.endpoint, client);
    return undefined;
}

/** Brings a record to what the program says of it. Returns its architecture. */
export async function writeRecord(
    image: ImsImage,
    { metadata = {}, arch }: RecordInputs,
    before: Readonly<Record<string, string>>,
    context: ImsContext,
): Promise<string> {
    const { client, signal } = context;
    await writeMetadata(image, metadata, before, context);
    if (arch !== undefined && image.arch !== arch) await client.setArchitecture(image.id, arch, { signal });
    return arch ?? image.arch;
}

/** The same of a record that is to be there. */
export async function updateRecord(
    id: string,
    wanted: RecordInputs,
    before: RecordInputs,
    context: ImsContext,
): Promise<{ outputs: { architecture: string } }> {
    const present = await context.client.get("images", id, { signal: context.signal });
    if (!present) throw new EdgeError(`image ${id} is gone: run with --refresh, and it is made again`);
    return { outputs: { architecture: await writeRecord(present, wanted, before.metadata ?? {}, context) } };
}

/** Deletes a record that is this row's, softly unless it shall go for good. */
export async function deleteRecord(
    id: string,
    {
        endpoint,
        permanentDelete,
    }: { readonly endpoint: string; readonly permanentDelete?: boolean | undefined },
    { claim }: { readonly claim: string },
    context: ImsContext,
): Promise<void> {
    const { client, signal } = context;
    const own = await findOwn(id, { endpoint, claim }, context);
    if (!own) return;
    if (own.present?.link === null) {
        await removeBegun(id, context);
        return;
    }
    if (own.present) await client.remove("images", id, { signal });
    if (permanentDelete === true) await client.forget("images", id, { signal });
}

/** Only the keys that the program names, or named; others, such as those of the boot services, stay. */
async function writeMetadata(
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
function declaredMetadata(
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
async function findOwn(
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

/** Removes a record without a link, and what was uploaded for it: the service would leave that for ever. */
export async function removeBegun(id: string, context: Pick<ImsContext, "client" | "signal">): Promise<void> {
    const { client, signal } = context;
    await removeObjects(id, context);
    await client.remove("images", id, { signal });
    await client.forget("images", id, { signal });
}

/** Undeletes an image. Returns false, and tells it, for one whose manifest is lost: it cannot be, and is made anew. */
export async function bringBack({ id }: ImsImage, { client, signal, log }: ImsContext): Promise<boolean> {
    log.info(`brings back image ${id}, which has this content and was deleted softly`);
    try {
        await client.undelete("images", id, { signal });
        return true;
    } catch (error) {
        if (!(error instanceof ImsError) || error.status !== 422) throw error;
        log.warn(`${messageOf(error)}: the image is made anew`);
        return false;
    }
}

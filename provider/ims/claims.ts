import type { Context } from "../resource/context";
import { ImsError } from "./answers";
import type { ImsClient } from "./client";

/** The metadata key that says whose an image is. */
export const IMS_CLAIM_KEY = "pulumi-edge-os/claim";
/** The metadata key that says what it was made of, so that it need not be made again. */
export const IMS_CONTENT_KEY = "pulumi-edge-os/content";

export interface ImageClaim {
    readonly claim: string;
    readonly content: string;
}

/**
 * Writes whose an image is and of what; the claim comes last, so that an image that has one has both. Services before
 * 3.16 know no metadata, and then nothing but the state says whose the image is.
 */
export async function claimImage(
    id: string,
    { claim, content }: ImageClaim,
    { client, signal, log }: Context<ImsClient>,
): Promise<void> {
    try {
        await client.setMetadata(id, IMS_CONTENT_KEY, content, { signal });
    } catch (error) {
        if (!(error instanceof ImsError) || error.status !== 422) throw error;
        log.warn("this IMS keeps no metadata of images: an image of an interrupted run is not found again");
        return;
    }
    await client.setMetadata(id, IMS_CLAIM_KEY, claim, { signal });
}

import type { Context } from "../../resource/context";
import { messageOf } from "../../resource/errors";
import type { PublishedFile, Publisher } from "./publisher";

/** Gives up the claim to a published file that stays where it is: a host that has not booted yet may need it. */
export async function leaveInPlace(
    publisher: Publisher,
    file: PublishedFile,
    claim: string,
    { signal, log }: Pick<Context<unknown>, "signal" | "log">,
): Promise<void> {
    const what = publisher.describe(file);
    log.info(`${what} stays where it is (publish.onDelete: "keep"): edge-os prune lists what nothing uses`);
    try {
        await publisher.release(file, claim, { signal, onRelease: "keep" });
    } catch (error) {
        // A note for edge-os prune, and no reason to hold up the deletion.
        signal.throwIfAborted();
        log.warn(`${what} could not be marked as let go: ${messageOf(error)}`);
    }
}

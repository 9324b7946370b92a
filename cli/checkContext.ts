import * as crypto from "node:crypto";
import { newClaim, ownerOf, ownershipOf } from "../provider/resource/claim";
import type { Context } from "../provider/resource/context";
import { messageOf, UnavailableHere } from "../provider/resource/errors";

const CHECK_TIME_LIMIT = 60_000;

/** EMF is not asked by this command; what only it could tell is left out without a warning each. */
export class NotAsked extends UnavailableHere {}

/** The context of a check at preview, outside of any stack. */
export function checkContext<Client>(options: {
    title: string;
    /** Thrown by it is what is only missing here. */
    client: () => Client;
    projectDir: string;
    warnings: string[];
}): Context<Client> {
    const { title, client, projectDir, warnings } = options;
    const owner = ownerOf({ project: "edge-os", stack: "check" });
    const signal = AbortSignal.timeout(CHECK_TIME_LIMIT);
    return {
        title,
        get client() {
            return client();
        },
        // No stack, so nothing is configured; the environment counts as always.
        settings: { config: () => undefined, env: process.env },
        projectDir,
        preview: true,
        owner,
        newClaim: () => newClaim(owner, title, (bytes) => crypto.randomBytes(bytes)),
        ownership: (claim) => ownershipOf(claim, owner, title),
        signal,
        progress: () => undefined,
        log: {
            info: () => undefined,
            warn: (text) => void warnings.push(text),
        },
        timeLimit: CHECK_TIME_LIMIT,
        now: () => Date.now(),
        sleep: async () => undefined,
        random: (bytes) => crypto.randomBytes(bytes),
        async ifAvailable(lookUp, fallback) {
            try {
                return await lookUp();
            } catch (error) {
                if (!(error instanceof UnavailableHere)) throw error;
                if (!(error instanceof NotAsked)) warnings.push(`not checked: ${messageOf(error)}`);
                return fallback;
            }
        },
    };
}

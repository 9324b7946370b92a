import type { Context } from "./context";
import { EdgeError } from "./errors";

/** Where a system keeps claims, in words for messages. */
export interface ClaimPlace {
    /** `EMF`. */
    readonly system: string;
    /** What to remove from an object to take it back: `metadata pulumi-edge-os.claim`. */
    readonly key: string;
}

/** Refuses to change an object that something else has taken over since; a claim that was wiped is written anew. */
export function assertClaimKept(
    { key }: ClaimPlace,
    claim: string | undefined,
    ours: string | undefined,
    what: string,
    context: Pick<Context<unknown>, "title">,
): void {
    if (claim === undefined || claim === "" || claim === ours) return;
    throw new EdgeError(
        `${context.title}: ${what} was taken over by another resource or stack since (${key} is ` +
            `${JSON.stringify(claim)}, ours is ${JSON.stringify(ours)}). Remove this resource from the program, ` +
            `or remove that key from the object to take it back`,
    );
}

/** Whether a delete may go on. What another row or stack has taken over stays, which is said and is no failure. */
export function claimAllowsDelete(
    { system }: ClaimPlace,
    claim: string | undefined,
    ours: string | undefined,
    what: string,
    context: Pick<Context<unknown>, "log">,
): boolean {
    if (claim === undefined || claim === "" || claim === ours) return true;
    context.log.warn(`${what} is left in ${system}: another resource or stack has taken it over`);
    return false;
}

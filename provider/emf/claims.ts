import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";

/**
 * The claim's key in EMF metadata. EMF takes a slash only behind a prefix of letters and dots, so the package's
 * usual `pulumi-edge-os/claim` is refused there.
 */
export const EMF_CLAIM_KEY = "pulumi-edge-os.claim";

/**
 * Whether a create may take over an object that is already there. Its own row's is resumed without asking; an
 * unclaimed one, or one of another resource of the stack, needs `adopt`; another stack's is refused.
 */
export function mayTakeOver(
    claim: string | undefined,
    adopt: boolean | undefined,
    what: string,
    context: Pick<Context<unknown>, "ownership" | "title">,
): boolean {
    const ownership = context.ownership(claim);
    if (ownership === "row") return true;
    if (ownership === "foreign") {
        throw new EdgeError(
            `${context.title}: ${what} belongs to another Pulumi stack. Manage it there; or, if that stack is gone, ` +
                `remove the metadata key ${EMF_CLAIM_KEY} from it and set adopt: true`,
        );
    }
    return adopt === true;
}

/** Refuses to change an object that something else has taken over since; a claim that was wiped is written anew. */
export function assertStillOwn(
    claim: string | undefined,
    ours: string | undefined,
    what: string,
    context: Pick<Context<unknown>, "title">,
): void {
    if (claim === undefined || claim === "" || claim === ours) return;
    throw new EdgeError(
        `${context.title}: ${what} was taken over by another resource or stack since (metadata ${EMF_CLAIM_KEY} is ` +
            `${JSON.stringify(claim)}, ours is ${JSON.stringify(ours)}). Remove this resource from the program, ` +
            `or remove that key from the object to take it back`,
    );
}

/** Whether a delete may go on. What another row or stack has taken over stays, which is said and is no failure. */
export function mayDelete(
    claim: string | undefined,
    ours: string | undefined,
    what: string,
    context: Pick<Context<unknown>, "log">,
): boolean {
    if (claim === undefined || claim === "" || claim === ours) return true;
    context.log.warn(`${what} is left in EMF: another resource or stack has taken it over`);
    return false;
}

import { assertClaimKept, claimAllowsDelete, type ClaimPlace } from "../resource/claimRules";
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

const PLACE: ClaimPlace = { system: "EMF", key: `metadata ${EMF_CLAIM_KEY}` };

/** Refuses to change an object that something else has taken over since; a claim that was wiped is written anew. */
export const assertStillOwn = assertClaimKept.bind(undefined, PLACE);

/** Whether a delete may go on. What another row or stack has taken over stays, which is said and is no failure. */
export const mayDelete = claimAllowsDelete.bind(undefined, PLACE);

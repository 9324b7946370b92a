import { assertClaimKept, claimAllowsDelete, type ClaimPlace } from "../resource/claimRules";
import type { Context } from "../resource/context";

/** The label of hosts, and the annotation of other objects, that says whose an object is. */
export const PALETTE_CLAIM_KEY = "pulumi-edge-os/claim";

/** Why an object that is already there cannot become this row's; undefined when it can. */
export function admissionProblem(
    claim: string | undefined,
    adopt: boolean,
    what: string,
    context: Pick<Context<unknown>, "ownership">,
): string | undefined {
    switch (context.ownership(claim)) {
        case "row":
            return undefined;
        case "stack":
            if (adopt) return undefined;
            return (
                `${what} is managed by another resource of this stack. Where that one is this one under an older ` +
                "name, give it an alias, or set adopt: true"
            );
        case "foreign":
            return (
                `${what} is managed by another Pulumi stack: destroy it there, or take it out of that stack's state ` +
                `and remove ${PALETTE_CLAIM_KEY} from it`
            );
        case "none":
            if (adopt) return undefined;
            return `${what} is in Palette already, and not by this stack: set adopt: true to take it over as it is, or delete it`;
    }
}

const PLACE: ClaimPlace = { system: "Palette", key: PALETTE_CLAIM_KEY };

/** Refuses to change an object that something else has taken over since; a claim that was wiped is written anew. */
export const assertStillOwn = assertClaimKept.bind(undefined, PLACE);

/** Whether a delete may go on. What another row or stack has taken over stays, which is said and is no failure. */
export const mayDelete = claimAllowsDelete.bind(undefined, PLACE);

import * as crypto from "node:crypto";

/*
 * A claim is written into every object a stack makes or takes over, `<owner>-<row><random>`: the owner tells stacks
 * apart, the row the resources of one stack, the random part the generations of one row (both halves of a
 * replacement have the same URN). A delete re-reads it and leaves an object that another has taken over since. Where
 * it is kept is each system's affair: EMF has metadata keys, a folder a file beside the image.
 */

/** The owner part for a stack; `owner` (config `edge-os:owner`) tells stacks of equal name apart. */
export function ownerOf(stack: { owner?: string; project: string; stack: string }): string {
    const name = `${stack.owner ?? ""}/${stack.project}/${stack.stack}`;
    return crypto.createHash("sha256").update(name).digest("hex").slice(0, 12);
}

const ROW_DIGITS = 8;

/** A claim no other row or generation has. `row` is the resource's URN. */
export function newClaim(owner: string, row: string, random: (bytes: number) => Buffer): string {
    return `${owner}-${rowOf(row)}${random(4).toString("hex")}`;
}

/** The part that all claims of one row have in common: its random part is left out. */
export function claimAuthor(claim: string): string {
    return claim.slice(0, claim.indexOf("-") + 1 + ROW_DIGITS);
}

/**
 * Whose claim it is: of this very row (an interrupted create finds its own object by it), of another resource of
 * the stack, of another stack, or nobody's.
 */
export type Ownership = "row" | "stack" | "foreign" | "none";

export function ownershipOf(claim: string | undefined, owner: string, row: string): Ownership {
    if (claim === undefined || claim === "") return "none";
    if (!claim.startsWith(`${owner}-`)) return "foreign";
    return claim.startsWith(`${owner}-${rowOf(row)}`) ? "row" : "stack";
}

function rowOf(urn: string): string {
    return crypto.createHash("sha256").update(urn).digest("hex").slice(0, ROW_DIGITS);
}

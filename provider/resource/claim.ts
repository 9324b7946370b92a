import * as crypto from "node:crypto";

/**
 * A claim is written into every object a stack makes or takes over, `<owner>-<random>`: the owner tells stacks
 * apart, the random part tells the rows of one stack apart. A delete re-reads it and leaves an object that
 * another row has taken over since.
 */
export const CLAIM_KEY = "pulumi-edge-os/claim";

/** The owner part for a stack; `owner` (config `edge-os:owner`) tells stacks of equal name apart. */
export function ownerOf(stack: { owner?: string; project: string; stack: string }): string {
    const name = `${stack.owner ?? ""}/${stack.project}/${stack.stack}`;
    return crypto.createHash("sha256").update(name).digest("hex").slice(0, 12);
}

export function newClaim(owner: string, random: (bytes: number) => Buffer): string {
    return `${owner}-${random(8).toString("hex")}`;
}

export function isClaimOf(owner: string, claim: string): boolean {
    return claim.startsWith(`${owner}-`);
}

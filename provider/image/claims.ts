import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";

/**
 * Who uses a published file: one small file beside it for each resource that does. A resource's newer claim
 * takes the place of its older one, so the row that a replacement left behind cannot remove what came after it.
 */
export interface FileClaim {
    claim: string;
    /** Somebody else put the file there: it stays when the last claim goes. */
    keep: boolean;
}

/** The last digits of a claim tell the generations of one resource apart (`newClaim`). */
const GENERATION_DIGITS = 8;
const SUFFIX = ".claim.json";

function claimPath(target: string, claim: string): string {
    return `${target}.${claim.slice(0, -GENERATION_DIGITS)}${SUFFIX}`;
}

export async function claimsOf(target: string): Promise<FileClaim[]> {
    const directory = path.dirname(target);
    const start = `${path.basename(target)}.`;
    const names = await fs.readdir(directory).catch(() => []);
    const ours = names.filter((name) => name.startsWith(start) && name.endsWith(SUFFIX));
    const claims = await Promise.all(ours.map((name) => readClaim(path.join(directory, name))));
    return claims.filter((claim) => claim !== undefined);
}

async function readClaim(file: string): Promise<FileClaim | undefined> {
    try {
        const { claim, keep } = JSON.parse(await fs.readFile(file, "utf8")) as Partial<FileClaim>;
        return typeof claim === "string" ? { claim, keep: keep === true } : undefined;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        // Written by something else: nobody's claim that could be compared, and a reason to leave the file.
        return { claim: "", keep: true };
    }
}

export async function writeClaim(target: string, claim: FileClaim): Promise<void> {
    const file = claimPath(target, claim.claim);
    const unfinished = `${file}.${crypto.randomBytes(4).toString("hex")}`;
    await fs.writeFile(unfinished, `${JSON.stringify(claim)}\n`, { mode: 0o644 });
    await fs.rename(unfinished, file);
}

export async function hasClaim(target: string, claim: string): Promise<boolean> {
    return (await claimsOf(target)).some((other) => other.claim === claim);
}

/** Gives up a claim, and the file with the last one. A claim that is not there any more is nothing to do. */
export async function releaseClaim(target: string, claim: string): Promise<"removed" | "left"> {
    const claims = await claimsOf(target);
    const own = claims.find((other) => other.claim === claim);
    if (!own) return "left";
    const isLast = claims.length === 1 && !own.keep;
    // The file goes first: should this stop in between, the claim still leads to what is left to do.
    if (isLast) await fs.rm(target, { force: true });
    await fs.rm(claimPath(target, claim), { force: true });
    return isLast ? "removed" : "left";
}

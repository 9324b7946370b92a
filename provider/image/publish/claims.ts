/**
 * Who uses a published file: one small record beside it for each resource that does. A resource's newer claim
 * takes the place of its older one, so the row that a replacement left behind cannot remove what came after it.
 */
export interface FileClaim {
    claim: string;
    /** Somebody else put the file there: it stays when the last claim goes. */
    keep: boolean;
    /** Its resource is gone and has left the file to hosts that may still need it. */
    released?: true;
    /** The upload under way into a bucket: what a next run has to end when this one dies. */
    upload?: UploadUnderWay;
}

/** `begun`: asked for, and its id not known yet. */
export type UploadUnderWay = { begun: true } | { id: string };

/** Where the records of one published file are kept. Names are of this package; what they look like there is not. */
export interface ClaimRecords {
    /** Names of all records of the file. */
    names(): Promise<string[]>;
    /** Undefined when it is gone. */
    read(name: string): Promise<string | undefined>;
    /** Whole or not at all. */
    write(name: string, text: string): Promise<void>;
    /** Not there is done. */
    remove(name: string): Promise<void>;
}

/** The last digits of a claim tell the generations of one resource apart (`newClaim`). */
const GENERATION_DIGITS = 8;

/** Equal for all generations of a resource: its newer record replaces the older one. */
export function recordName(claim: string): string {
    return claim.slice(0, -GENERATION_DIGITS);
}

export async function claimsOf(records: ClaimRecords): Promise<FileClaim[]> {
    const claims = await Promise.all((await records.names()).map((name) => readClaim(records, name)));
    return claims.filter((claim) => claim !== undefined);
}

async function readClaim(records: ClaimRecords, name: string): Promise<FileClaim | undefined> {
    const text = await records.read(name);
    if (text === undefined) return undefined;
    try {
        const { claim, keep, released, upload } = JSON.parse(text) as Partial<FileClaim>;
        if (typeof claim === "string") {
            return {
                ...{ claim, keep: keep === true },
                ...(released === true ? { released } : {}),
                ...(upload === undefined ? {} : { upload }),
            };
        }
    } catch {
        // Falls through to what is said of all that is no claim of this package.
    }
    // Written by something else: nobody's claim that could be compared, and a reason to leave the file.
    return { claim: "", keep: true };
}

export async function writeClaim(records: ClaimRecords, claim: FileClaim): Promise<void> {
    await records.write(recordName(claim.claim), `${JSON.stringify(claim)}\n`);
}

/** The claim for a file that is there already. Without any other, somebody else has put it there: used, but left. */
export function claimOnPresent(claim: string, others: readonly FileClaim[]): FileClaim {
    return { claim, keep: others.length === 0 || others.some(({ keep }) => keep) };
}

/** Whether every claim on a file is of the stack of this one. */
export function isOwnedBy(claim: string, claims: readonly FileClaim[]): boolean {
    const owner = `${claim.split("-")[0] ?? ""}-`;
    return claims.length > 0 && claims.every((other) => !other.keep && other.claim.startsWith(owner));
}

/** What becomes of a file whose claim is given up. */
export type OnRelease = "keep" | "remove";

/** Gives up a claim, and with the last one the file. A claim that is not there any more is nothing to do. */
export async function releaseClaim(
    records: ClaimRecords,
    claim: string,
    onRelease: OnRelease,
    removeFile: () => Promise<void>,
): Promise<"removed" | "left"> {
    const claims = await claimsOf(records);
    const own = claims.find((other) => other.claim === claim);
    if (!own) return "left";
    if (onRelease === "keep") {
        await writeClaim(records, { claim, keep: own.keep, released: true });
        return "left";
    }
    const isLast = claims.length === 1 && !own.keep;
    // The file goes first: should this stop in between, the claim still leads to what is left to do.
    if (isLast) await removeFile();
    await records.remove(recordName(claim));
    return isLast ? "removed" : "left";
}

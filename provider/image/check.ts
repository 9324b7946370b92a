import { EdgeError } from "../resource/errors";

/** What became of a check. What cannot be read is `not-checked`, never a pass. */
export type Verdict = "passed" | "failed" | "not-checked";

/** What a failed check does: fail the resource, be shown, or nothing at all. */
export type Severity = "error" | "warning" | "off";

/** The verdict of one look at an image. */
export interface ImageCheck {
    /** `gpt.header-crc`; stable, so that a program can name it. */
    id: string;
    verdict: Verdict;
    /** Of a failure; absent means error. */
    severity?: "warning";
    /** What was found, in a few words. */
    seen: string;
    /** What is wrong and why it matters, or why it was not checked; empty when the check passed. */
    message: string;
}

/** The image is damaged or of a kind that cannot be written to a disk. Becomes a failed check. */
export class ImageDamage extends EdgeError {
    override readonly name = "ImageDamage";
}

/** The image could not be looked at: no such file, a limit, no room. Nothing is known about it. */
export class ImageError extends EdgeError {
    override readonly name = "ImageError";
}

export function passed(id: string, seen: string): ImageCheck {
    return { id, verdict: "passed", seen, message: "" };
}

export function failed(id: string, seen: string, message: string): ImageCheck {
    return { id, verdict: "failed", seen, message };
}

/** Of a check that could not be made: neither passed nor failed. */
export function notChecked(id: string, seen: string, message: string): ImageCheck {
    return { id, verdict: "not-checked", seen, message };
}

/** Whether a check fails the image. */
export function isError({ verdict, severity }: ImageCheck): boolean {
    return verdict === "failed" && severity === undefined;
}

/** Whether a check failed without failing the image. */
export function isWarning({ verdict, severity }: ImageCheck): boolean {
    return verdict === "failed" && severity === "warning";
}

/** Text out of an image, safe to show on a terminal: printable ASCII, bounded. */
export function printable(text: string, limit = 80): string {
    const clean = text.replace(/[^\x20-\x7e]/g, "?");
    return clean.length > limit ? `${clean.slice(0, limit)}…` : clean;
}

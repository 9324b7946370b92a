import { EdgeError } from "../resource/errors";

/** The verdict of one look at an image. */
export interface ImageCheck {
    /** `gpt.header-crc`; stable, so that a program can name it. */
    id: string;
    ok: boolean;
    /** What was found, in a few words. */
    seen: string;
    /** What is wrong and why it matters; empty when the check passed. */
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
    return { id, ok: true, seen, message: "" };
}

export function failed(id: string, seen: string, message: string): ImageCheck {
    return { id, ok: false, seen, message };
}

/** Text out of an image, safe to show on a terminal: printable ASCII, bounded. */
export function printable(text: string, limit = 80): string {
    const clean = text.replace(/[^\x20-\x7e]/g, "?");
    return clean.length > limit ? `${clean.slice(0, limit)}…` : clean;
}

import type { StepOp } from "../events";

interface Words {
    prefix: string;
    running: string;
    done: string;
    failed: string;
    preview: string;
    /** In the summary, after the number: `9 created`. */
    past: string;
}

/** The CLI's words for each operation. */
export const WORDS: Record<StepOp, Words> = {
    same: { prefix: "  ", running: "", done: "", failed: "failed", preview: "", past: "samed" },
    create: {
        prefix: "+ ",
        running: "creating",
        done: "created",
        failed: "creating failed",
        preview: "create",
        past: "created",
    },
    update: {
        prefix: "~ ",
        running: "updating",
        done: "updated",
        failed: "updating failed",
        preview: "update",
        past: "updated",
    },
    delete: {
        prefix: "- ",
        running: "deleting",
        done: "deleted",
        failed: "deleting failed",
        preview: "delete",
        past: "deleted",
    },
    replace: {
        prefix: "+-",
        running: "replacing",
        done: "replaced",
        failed: "replacing failed",
        preview: "replace",
        past: "replaced",
    },
    "create-replacement": {
        prefix: "++",
        running: "creating replacement",
        done: "created replacement",
        failed: "creating failed",
        preview: "create replacement",
        past: "create-replacementd",
    },
    "delete-replaced": {
        prefix: "--",
        running: "deleting original",
        done: "deleted original",
        failed: "deleting failed",
        preview: "delete original",
        past: "deleted",
    },
    read: {
        prefix: "> ",
        running: "reading",
        done: "read",
        failed: "reading failed",
        preview: "read",
        past: "read",
    },
    "read-replacement": {
        prefix: ">>",
        running: "reading for replacement",
        done: "read for replacement",
        failed: "reading failed",
        preview: "read for replacement",
        past: "read-replacementd",
    },
    refresh: {
        prefix: "~ ",
        running: "refreshing",
        done: "refresh",
        failed: "refreshing failed",
        preview: "refreshing",
        past: "refreshed",
    },
    "read-discard": {
        prefix: "< ",
        running: "discarding",
        done: "discarded",
        failed: "discarding failed",
        preview: "discard",
        past: "discarded",
    },
    "discard-replaced": {
        prefix: "<<",
        running: "discarding original",
        done: "discarded original",
        failed: "discarding failed",
        preview: "discard original",
        past: "discarded",
    },
};

/** `1 error`, `2 errors`. */
export function plural(count: number, word: string): string {
    return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** A duration as the CLI writes it, rounded up to seconds: `5s`, `1m5s`, `1h0m0s`. */
export function durationText(seconds: number): string {
    const whole = Math.ceil(seconds);
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    const parts = [hours > 0 ? `${hours}h` : "", whole >= 60 ? `${minutes}m` : "", `${whole % 60}s`];
    return parts.join("");
}

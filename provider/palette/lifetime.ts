import { z } from "zod";
import { duration } from "../pulumi/duration";

const DAY = 24 * 3_600_000;

/** `90d`, or as `customTimeouts` writes durations (`36h`), in milliseconds; undefined for anything else. */
export function lifetime(text: string): number | undefined {
    const days = /^(\d+)d$/.exec(text)?.[1];
    const milliseconds = days === undefined ? duration(text) : Number(days) * DAY;
    return milliseconds === 0 ? undefined : milliseconds;
}

/** A time span of days. */
export function lifetimeField(): z.ZodType<string, string> {
    return z
        .string()
        .refine((text) => lifetime(text) !== undefined, "must be a time span such as 90d, 36h or 30m");
}

const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** A date or a moment, as Palette spells moments; undefined for anything else. */
export function moment(text: string): string | undefined {
    const time = DATE.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** A date (its first moment, UTC) or a moment with its zone. */
export function momentField(): z.ZodType<string, string> {
    return z
        .string()
        .refine(
            (text) => moment(text) !== undefined,
            "must be a date such as 2030-01-31, or a moment such as 2030-01-31T18:00:00Z",
        )
        .overwrite((text) => moment(text) ?? text);
}

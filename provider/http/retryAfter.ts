/** What a `Retry-After` header asks for, seconds or a date, in milliseconds from now. */
export function retryAfter(given: string | undefined, now: number): number | undefined {
    if (given === undefined) return undefined;
    if (/^\d+$/.test(given.trim())) return Number(given) * 1000;
    const date = Date.parse(given);
    return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

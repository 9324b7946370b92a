const UNITS: Readonly<Record<string, number>> = {
    ns: 1e-6,
    us: 1e-3,
    µs: 1e-3,
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
};

/** A duration as `customTimeouts` writes it (`90s`, `1h30m`), in milliseconds; undefined for anything else. */
export function duration(text: string | undefined): number | undefined {
    if (text === undefined || !/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
    return [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)].reduce(
        (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0),
        0,
    );
}

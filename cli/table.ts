/** Rows under a heading, in columns as wide as their widest cell; the last one is as long as it is. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
    const lines = [heading, ...rows];
    const widths = heading.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
    return lines
        .map((line) =>
            line
                .map((cell, column) => cell.padEnd(column === line.length - 1 ? 0 : (widths[column] ?? 0)))
                .join("  ")
                .trimEnd(),
        )
        .join("\n");
}

/** `3 hosts`, `1 host`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
    return `${number} ${number === 1 ? noun : plural}`;
}

/** `12 till-4 ×3, 5 …`: how often each value stands there, the most frequent first. */
export function tally(values: readonly string[]): [value: string, times: number][] {
    const times = new Map<string, number>();
    for (const value of values) times.set(value, (times.get(value) ?? 0) + 1);
    return [...times].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** `1d6h`, `2h0m`, `5m`, `10s`. */
export function shownAge(seconds: number): string {
    const [days, hours, minutes] = [seconds / 86_400, (seconds / 3600) % 24, (seconds / 60) % 60].map(
        Math.floor,
    );
    if (days) return `${days}d${hours ?? 0}h`;
    if (hours) return `${hours}h${minutes ?? 0}m`;
    return minutes ? `${minutes}m` : `${seconds}s`;
}

/** One line of a benchmark's report. */
export interface BenchResult {
    name: string;
    value: number;
    unit: string;
    /** What the value is compared with, measured in the same run. */
    baseline: string;
    /** Value against baseline, or against the target where that is an absolute figure. */
    ratio: number;
    target: string;
    ok: boolean;
}

export function report(result: BenchResult): void {
    const round = (value: number): number => Math.round(value * 1000) / 1000;
    console.log(JSON.stringify({ ...result, value: round(result.value), ratio: round(result.ratio) }));
}

export function median(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1
        ? (sorted[middle] ?? 0)
        : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

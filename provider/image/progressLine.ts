import type { Context } from "../resource/context";
import type { Progress } from "./inspection";
import { formatSize } from "./size";

const INTERVAL = 500;
/** The rate shown is that of the last seconds: a connection that has become slow shows. */
const RATE_WINDOW = 5_000;

/** Shows how far a reading has come in the resource's own row, and hands on its cancellation. */
export function progressLine(
    context: Pick<Context<unknown>, "signal" | "progress" | "now">,
    activity: string,
): { signal: AbortSignal; onProgress: (progress: Progress) => void } {
    const { signal, now } = context;
    let shown = { text: "", at: -Infinity };
    const marks: { at: number; done: number }[] = [];
    return {
        signal,
        onProgress({ done, total }) {
            const at = now();
            const isEnd = done === total;
            if (at - shown.at < INTERVAL && !isEnd) return;
            marks.push({ at, done });
            while ((marks[1]?.at ?? at) < at - RATE_WINDOW) marks.shift();
            const text = `${activity} ${extent(done, total)}${rate(marks)}`;
            if (text === shown.text) return;
            shown = { text, at };
            context.progress(text);
        },
    };
}

function extent(done: number, total: number | undefined): string {
    if (total === undefined) return formatSize(done);
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    return `${percent} % of ${formatSize(total)}`;
}

function rate(marks: readonly { at: number; done: number }[]): string {
    const [first] = marks;
    const last = marks[marks.length - 1];
    if (!first || !last || last.at - first.at < INTERVAL) return "";
    const perSecond = ((last.done - first.done) * 1000) / (last.at - first.at);
    return `, ${formatSize(Math.round(perSecond))}/s`;
}

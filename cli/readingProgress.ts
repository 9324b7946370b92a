import type { Progress } from "../provider/image/inspection";
import { formatSize } from "../provider/image/size";
import type { Terminal } from "./command";

const BAR = 24;
const ON_A_TERMINAL = 100;
const IN_A_LOG = 10_000;
/** A rate of the first moments tells nothing. */
const SETTLED = 1000;

/** Shows how far a reading has come: a bar that moves on a terminal, a line now and then in a log. */
export class ReadingProgress {
    private readonly startedAt: number;
    private shownAt: number;
    private shown = 0;

    constructor(
        private readonly name: string,
        private readonly terminal: Terminal,
        private readonly now: () => number = () => performance.now(),
    ) {
        this.startedAt = now();
        this.shownAt = terminal.isInteractive ? -Infinity : this.startedAt;
    }

    show(progress: Progress): void {
        const interval = this.terminal.isInteractive ? ON_A_TERMINAL : IN_A_LOG;
        const now = this.now();
        if (now - this.shownAt < interval) return;
        this.shownAt = now;
        const text = `${this.name}: ${describeProgress(progress, now - this.startedAt)}`;
        if (!this.terminal.isInteractive) {
            this.terminal.err(`${text}\n`);
            return;
        }
        this.terminal.err(`\r${text.padEnd(this.shown)}`);
        this.shown = text.length;
    }

    /** Takes the bar away. */
    end(): void {
        if (this.shown > 0) this.terminal.err(`\r${" ".repeat(this.shown)}\r`);
        this.shown = 0;
    }
}

/** `[#####     ] 21 %, 448 MiB of 2.1 GiB, 1.2 GiB/s, 2 s left` */
export function describeProgress({ done, total }: Progress, milliseconds: number): string {
    const perSecond = milliseconds > SETTLED ? (done * 1000) / milliseconds : 0;
    const rate = perSecond > 0 ? `, ${formatSize(Math.round(perSecond))}/s` : "";
    if (total === undefined || total === 0) return `${formatSize(done)}${rate}`;
    const share = Math.min(1, done / total);
    const filled = Math.floor(share * BAR);
    const bar = `[${"#".repeat(filled)}${" ".repeat(BAR - filled)}]`;
    const left = perSecond > 0 ? `, ${duration((total - done) / perSecond)} left` : "";
    return `${bar} ${Math.floor(share * 100)} %, ${formatSize(done)} of ${formatSize(total)}${rate}${left}`;
}

function duration(seconds: number): string {
    const whole = Math.ceil(seconds);
    return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}

import { writeAtomically } from "./folder";

/** How long changes are collected before a file is written. */
const DEBOUNCE_MS = 40;
/** A large file is written so seldom that writing takes no more than this part of the time. */
const SHARE = 0.1;

/** Keeps a file up to date with something that changes often: written soon after a change, and at once by `flush`. */
export class Keeper {
    private timer: NodeJS.Timeout | undefined;
    private pauseMs = DEBOUNCE_MS;

    constructor(
        private readonly file: string,
        private readonly content: () => unknown,
    ) {}

    /** The content has changed. */
    touch(): void {
        this.timer ??= setTimeout(() => this.flush(), this.pauseMs);
    }

    /** Writes what is not yet written. */
    flush(): void {
        if (this.timer) {
            clearTimeout(this.timer);
            this.timer = undefined;
            const start = performance.now();
            writeAtomically(this.file, `${JSON.stringify(this.content())}\n`, 0o600);
            this.pauseMs = Math.max(DEBOUNCE_MS, (performance.now() - start) / SHARE);
        }
    }
}

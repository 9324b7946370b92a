import { writeAtomically } from "./folder";

/** How long changes are collected before a file is written. */
const DEBOUNCE_MS = 40;

/** Keeps a file up to date with something that changes often: written soon after a change, and at once by `flush`. */
export class Keeper {
    private timer: NodeJS.Timeout | undefined;

    constructor(
        private readonly file: string,
        private readonly content: () => unknown,
    ) {}

    /** The content has changed. */
    touch(): void {
        this.timer ??= setTimeout(() => this.flush(), DEBOUNCE_MS);
    }

    /** Writes what is not yet written. */
    flush(): void {
        if (this.timer) {
            clearTimeout(this.timer);
            this.timer = undefined;
            writeAtomically(this.file, `${JSON.stringify(this.content())}\n`, 0o600);
        }
    }
}

/** Ends the text the host prints of a {@link ShownError}. */
const SHOWN = "\u0000shown by the engine";

/**
 * An error for the user. The engine shows it on its resource's row; the host prints `${error}: ${error.stack}` besides,
 * which would come a second time on the stack's row, so that text is marked and left out.
 */
export class ShownError extends Error {
    constructor(message: string) {
        super(message);
        this.stack = SHOWN;
        leaveOutShown();
    }

    override toString(): string {
        return this.message;
    }
}

let installed = false;

function leaveOutShown(): void {
    if (installed) return;
    installed = true;
    const print = console.error.bind(console);
    console.error = (...words: unknown[]): void => {
        const [text] = words;
        if (typeof text !== "string" || !text.endsWith(SHOWN)) print(...words);
    };
}

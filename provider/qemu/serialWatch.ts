import { StringDecoder } from "node:string_decoder";

/** Text that is waited for or that tells a failure. */
export interface SerialPattern {
    /** As messages name it. */
    text: string;
    expression: RegExp;
    /** Typed on the serial line once the pattern has come. */
    reply?: string;
    /** Pressed on the keyboard once the pattern has come, one after the other: `down`, `ret`. */
    keys?: readonly string[];
    /** What it means, where its own words do not tell. */
    meaning?: string;
}

/** `login:` is that text; `/login: $/m` an expression. */
export function serialPattern(text: string): SerialPattern {
    const [, source, flags] = /^\/(.+)\/([imsu]*)$/s.exec(text) ?? [];
    const expression =
        source === undefined
            ? new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
            : new RegExp(source, flags);
    return { text, expression };
}

const REFUSED = "Secure Boot refuses the program: no certificate that is enrolled has signed it";

/** What no machine comes back from: firmware, boot loader, kernel, initial ram disk and systemd, in this order. */
export const BOOT_FAILURES: readonly SerialPattern[] = [
    ...[
        // In the line of the general failure to load, so it must come before that.
        "/failed to (load|start) Boot\\d[^\\n]*(Access Denied|Security Violation)/",
        "Access Denied",
        "Security Violation",
        "bad shim signature",
    ].map((text) => ({
        ...serialPattern(text),
        meaning: REFUSED,
    })),
    ...[
        // To the end of its line, which says why.
        "/failed to (load|start) Boot\\d[^\\n]*\\n/",
        "/No bootable (option or )?device/",
        "Boot failed: not a bootable disk",
        "grub rescue>",
        "Minimal BASH-like line editing is supported",
        "Kernel panic",
        "Dropping to a shell!",
        "Entering emergency mode",
        "You are in emergency mode",
    ].map((text) => serialPattern(text)),
];

export type SerialVerdict = { kind: "reached" } | { kind: "failed"; pattern: SerialPattern; line: string };

const KEPT = 16 * 1024;
/** CSI and OSC sequences and the two-byte ones: firmware and boot loaders draw screens with them. */
// eslint-disable-next-line no-control-regex -- control characters are what it removes
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>78c])/g;
/** One that may go on in the next piece. */
// eslint-disable-next-line no-control-regex -- as above
const UNFINISHED = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,200})?$/;

/** Reads a serial line until all awaited patterns have come, in their order, or one that tells a failure. */
export class SerialWatch {
    private readonly decoder = new StringDecoder("utf8");
    private unfinished = "";
    private text = "";
    private next = 0;

    constructor(
        private readonly awaited: readonly SerialPattern[],
        private readonly failures: readonly SerialPattern[],
        private readonly onReached: (pattern: SerialPattern) => void = () => undefined,
    ) {}

    /** What is waited for now. */
    get pending(): SerialPattern | undefined {
        return this.awaited[this.next];
    }

    feed(bytes: Buffer): SerialVerdict | undefined {
        const raw = this.unfinished + this.decoder.write(bytes);
        this.unfinished = UNFINISHED.exec(raw)?.[0] ?? "";
        const complete = raw.slice(0, raw.length - this.unfinished.length);
        this.text += complete.replace(ESCAPES, "").replace(/\r/g, "");
        const verdict = this.judge();
        this.text = this.text.slice(-KEPT);
        return verdict;
    }

    /** Whichever comes first in the text counts: what fails after the last awaited pattern is not looked at. */
    private judge(): SerialVerdict | undefined {
        for (;;) {
            const awaited = this.pending;
            if (!awaited) return { kind: "reached" };
            const reached = awaited.expression.exec(this.text);
            const failure = this.earliestFailure();
            if (failure && (!reached || failure.index <= reached.index)) {
                return { kind: "failed", pattern: failure.pattern, line: lineAt(this.text, failure.index) };
            }
            if (!reached) return undefined;
            this.text = this.text.slice(reached.index + reached[0].length);
            this.next++;
            this.onReached(awaited);
        }
    }

    private earliestFailure(): { index: number; pattern: SerialPattern } | undefined {
        let earliest: { index: number; pattern: SerialPattern } | undefined;
        for (const pattern of this.failures) {
            const index = pattern.expression.exec(this.text)?.index;
            if (index !== undefined && (!earliest || index < earliest.index)) earliest = { index, pattern };
        }
        return earliest;
    }
}

function lineAt(text: string, index: number): string {
    const start = text.lastIndexOf("\n", index) + 1;
    const end = text.indexOf("\n", index);
    return text.slice(start, end < 0 ? undefined : end).trim();
}

/** The last lines of a serial line's record, without what would move a terminal's cursor. */
export function lastLines(record: string, count: number): string[] {
    return (
        record
            .replace(ESCAPES, "")
            .split(/[\r\n]+/)
            // eslint-disable-next-line no-control-regex -- as above
            .map((line) => line.replace(/[\x00-\x1f\x7f-\x9f]/g, "").trimEnd())
            .filter((line) => line !== "")
            .slice(-count)
            .map((line) => (line.length > 160 ? `${line.slice(0, 160)}…` : line))
    );
}

import * as fs from "node:fs";

/** Where a build is, as far as it has said. */
export interface BuildProgress {
    /** Of the Earthfile. */
    target?: string;
    /** `3/12` where the build tells how many there are, else the count so far. */
    step?: string;
}

/** Earthly's lines: `   +provider-image | --> RUN …`, with a platform before the target's name at times. */
const LINE = /^\s*(?:[\w./:-]*)\+([a-z][a-z0-9-]*)\s*(?:[^|]*)\|\s?(.*)$/;
const MOST_AT_ONCE = 256 * 1024;

/** Follows a build's log from its beginning. */
export class BuildLog {
    readonly progress: BuildProgress = {};
    private position = 0;
    private rest = "";
    private steps = 0;

    constructor(private readonly file: string) {}

    /** Reads what has been added. */
    readOn(): void {
        const handle = fs.openSync(this.file, "r");
        try {
            const buffer = Buffer.alloc(MOST_AT_ONCE);
            for (;;) {
                const count = fs.readSync(handle, buffer, 0, buffer.length, this.position);
                if (count === 0) return;
                this.position += count;
                this.take(buffer.toString("utf8", 0, count));
            }
        } finally {
            fs.closeSync(handle);
        }
    }

    private take(text: string): void {
        const lines = (this.rest + text).split(/\r?\n|\r/);
        this.rest = (lines.pop() ?? "").slice(-MOST_AT_ONCE);
        for (const line of lines) this.note(line);
    }

    private note(line: string): void {
        const [, target, said = ""] = LINE.exec(line) ?? [];
        if (target !== undefined) {
            this.progress.target = target;
            if (said.startsWith("-->")) this.progress.step = String(++this.steps);
        }
        const [, step] = /\b[Ss]tep (\d+\/\d+)\b/.exec(line) ?? [];
        if (step !== undefined) this.progress.step = step;
    }
}

/** What helps, where CanvOS's own words do not tell. */
const ADVICE: readonly [said: RegExp, advice: string][] = [
    [
        /privileged containers are not allowed/i,
        "CanvOS says so, too, where the image that it tries this with cannot be pulled: see whether docker run --rm --privileged " +
            "works here, and whether spectroPubRepo is right",
    ],
    [
        /no space left on device/i,
        "make room (docker system prune; old builds lie beside this one), and run again",
    ],
];

export function adviceOn(said: string): string[] {
    return ADVICE.filter(([form]) => form.test(said)).map(([, advice]) => advice);
}

/** The lines of a failed build's log that say why: the last ones with an error, else the last ones. */
export function whyFailed(file: string, count = 6): string {
    const { size } = fs.statSync(file);
    const handle = fs.openSync(file, "r");
    try {
        const length = Math.min(size, MOST_AT_ONCE);
        const buffer = Buffer.alloc(length);
        fs.readSync(handle, buffer, 0, length, size - length);
        const lines = buffer
            .toString("utf8")
            // eslint-disable-next-line no-control-regex -- colours of terminals are what is taken out
            .replace(/\u001b\[[0-9;]*[A-Za-z]/g, "")
            .split(/\r?\n|\r/)
            .filter(
                (line) => line.trim() !== "" && !line.includes("An error occurred while running the command"),
            );
        const telling = lines.filter((line) =>
            /error|fail|no space|denied|not allowed|not found/i.test(line),
        );
        return (telling.length > 0 ? telling : lines).slice(-count).join("\n");
    } finally {
        fs.closeSync(handle);
    }
}

import { type SerialPattern, serialPattern } from "../qemu/serialWatch";
import type { SmokeTestOptions } from "./smokeTest.schema";

/** Something that is asked of a running system, in one line of its shell. */
export interface Question {
    /** The check that the answer is for. */
    id: string;
    /** Prints one line. */
    command: string;
}

/** Not to be found in the echo of what was typed, where the mark is in two parts. */
const MARK = "EDGE_";
/** Kernel messages could come in the middle of an answer. */
const QUIET = "dmesg -n 1";

/**
 * What is waited for and typed, from the boot menu to the last answer. Each line is typed when the one before has been
 * answered: a terminal loses what comes faster than it is read.
 */
export function session(
    test: Pick<SmokeTestOptions, "until" | "login" | "prompt">,
    menuEntry: number | null,
    questions: readonly Question[],
    last?: string,
): SerialPattern[] {
    const { until, login, prompt } = test;
    const patterns = [...(menuEntry === null ? [] : [menuPattern(menuEntry)]), ...until.map(serialPattern)];
    if (login === null) return patterns;
    const steps: SerialPattern[] = [...patterns];
    reply(steps, `${login.user}\n`);
    if (login.password !== undefined) {
        steps.push({ ...serialPattern("/[Pp]assword: ?$/"), reply: `${login.password}\n` });
    }
    steps.push({ ...serialPattern(prompt), text: "the shell's prompt" });
    const lines = [
        `${QUIET}; ${acknowledge(0)}`,
        ...questions.map((question, i) => `${asked(question, i)}; ${acknowledge(i + 1)}`),
    ];
    lines.forEach((line, i) => {
        reply(steps, `${line}\n`);
        steps.push({
            ...serialPattern(`${MARK}ACK:${i};`),
            text: i === 0 ? "the shell" : (questions[i - 1]?.id ?? ""),
        });
    });
    if (last !== undefined) reply(steps, `${last}\n`);
    return steps;
}

/** The answers by the questions' ids, from a record of the serial line. */
export function answersIn(record: string, questions: readonly Question[]): Map<string, string> {
    const answers = new Map<string, string>();
    questions.forEach(({ id }, i) => {
        const [, text] = new RegExp(`${MARK}SEEN:${i}:([^\\r\\n]*)`).exec(record) ?? [];
        if (text !== undefined) answers.set(id, text.trim());
    });
    return answers;
}

/** Down as often as it takes, and enter. */
function menuPattern(entry: number): SerialPattern {
    return {
        ...serialPattern("/Installer|GNU GRUB/"),
        text: "the boot menu",
        keys: [...Array.from({ length: entry }, () => "down"), "ret"],
    };
}

function reply(steps: SerialPattern[], text: string): void {
    const before = steps.pop();
    if (before) steps.push({ ...before, reply: `${before.reply ?? ""}${text}` });
}

function asked({ command }: Question, i: number): string {
    return `printf '${MARK}%s:%s\\n' SEEN:${i} "$(${command})"`;
}

function acknowledge(i: number): string {
    return `printf '${MARK}%s;\\n' ACK:${i}`;
}

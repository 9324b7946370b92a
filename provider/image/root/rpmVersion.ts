import { compareDigits } from "./debVersion";

/** Orders two rpm versions `[epoch:]version[-release]` as rpm does: negative when `a` is older than `b`. */
export function compareRpmVersions(a: string, b: string): number {
    const left = parse(a);
    const right = parse(b);
    const versions = left.epoch - right.epoch || rpmvercmp(left.version, right.version);
    if (versions !== 0) return versions;
    // A version without a release means any of its releases.
    if (left.release === undefined || right.release === undefined) return 0;
    return rpmvercmp(left.release, right.release);
}

function parse(text: string): { epoch: number; version: string; release: string | undefined } {
    const colon = /^[0-9]+:/.test(text) ? text.indexOf(":") : -1;
    const rest = text.slice(colon + 1);
    const dash = rest.lastIndexOf("-");
    return {
        epoch: colon < 0 ? 0 : Number(text.slice(0, colon)),
        version: dash < 0 ? rest : rest.slice(0, dash),
        release: dash < 0 ? undefined : rest.slice(dash + 1),
    };
}

/** rpm's own comparison of one part: segments of digits or letters, all else separates (rpmvercmp.c). */
export function rpmvercmp(a: string, b: string): number {
    if (a === b) return 0;
    let left = a;
    let right = b;
    while (left !== "" || right !== "") {
        left = left.replace(/^[^A-Za-z0-9~^]+/, "");
        right = right.replace(/^[^A-Za-z0-9~^]+/, "");
        // A tilde sorts before everything, even the end.
        if (left.startsWith("~") || right.startsWith("~")) {
            if (!left.startsWith("~")) return 1;
            if (!right.startsWith("~")) return -1;
            left = left.slice(1);
            right = right.slice(1);
            continue;
        }
        // A caret sorts after the end, and before everything else.
        if (left.startsWith("^") || right.startsWith("^")) {
            if (left === "") return -1;
            if (right === "") return 1;
            if (!left.startsWith("^")) return 1;
            if (!right.startsWith("^")) return -1;
            left = left.slice(1);
            right = right.slice(1);
            continue;
        }
        if (left === "" || right === "") break;
        const isNumber = /^[0-9]/.test(left);
        const segment = isNumber ? /^[0-9]*/ : /^[A-Za-z]*/;
        const one = segment.exec(left)?.[0] ?? "";
        const two = segment.exec(right)?.[0] ?? "";
        // Numbers are newer than letters.
        if (two === "") return isNumber ? 1 : -1;
        const difference = isNumber ? compareDigits(one, two) : compareTexts(one, two);
        if (difference !== 0) return difference;
        left = left.slice(one.length);
        right = right.slice(two.length);
    }
    return (left === "" ? 0 : 1) - (right === "" ? 0 : 1);
}

function compareTexts(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

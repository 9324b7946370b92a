/** The parts of a Debian version: `[epoch:]upstream[-revision]` (deb-version(7)). */
interface DebVersion {
    epoch: number;
    upstream: string;
    revision: string;
}

/** Orders two Debian versions as dpkg does: negative when `a` is older than `b`. */
export function compareDebVersions(a: string, b: string): number {
    const left = parse(a);
    const right = parse(b);
    return (
        left.epoch - right.epoch ||
        comparePart(left.upstream, right.upstream) ||
        comparePart(left.revision, right.revision)
    );
}

function parse(text: string): DebVersion {
    const colon = text.indexOf(":");
    const epoch = colon < 0 ? 0 : Number(text.slice(0, colon));
    const rest = text.slice(colon + 1);
    const dash = rest.lastIndexOf("-");
    return {
        epoch: Number.isSafeInteger(epoch) ? epoch : 0,
        upstream: dash < 0 ? rest : rest.slice(0, dash),
        revision: dash < 0 ? "" : rest.slice(dash + 1),
    };
}

/** Runs of non-digits and of digits in turn; a missing revision equals "0". */
function comparePart(a: string, b: string): number {
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
        while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
            const difference = weight(a, i) - weight(b, j);
            if (difference !== 0) return difference;
            i++;
            j++;
        }
        const left = digitsAt(a, i);
        const right = digitsAt(b, j);
        const difference = compareDigits(left, right);
        if (difference !== 0) return difference;
        i += left.length;
        j += right.length;
    }
    return 0;
}

/** Within non-digits: tilde sorts before the end, the end (or a digit) before letters, letters before the rest. */
function weight(text: string, at: number): number {
    if (at >= text.length || isDigit(text, at)) return 0;
    const code = text.charCodeAt(at);
    if (code === 0x7e) return -1;
    const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    return isLetter ? code : code + 256;
}

/** Compares two runs of decimal digits as numbers of any length. */
export function compareDigits(a: string, b: string): number {
    const left = a.replace(/^0+/, "");
    const right = b.replace(/^0+/, "");
    if (left.length !== right.length) return left.length - right.length;
    return left < right ? -1 : left > right ? 1 : 0;
}

function digitsAt(text: string, at: number): string {
    let end = at;
    while (end < text.length && isDigit(text, end)) end++;
    return text.slice(at, end);
}

function isDigit(text: string, at: number): boolean {
    const code = text.charCodeAt(at);
    return code >= 0x30 && code <= 0x39;
}

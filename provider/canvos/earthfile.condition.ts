/** What a condition comes to; undefined where only a build can tell. */
export type Verdict = boolean | undefined;

type Expand = (text: string) => string | undefined;

interface Block {
    /** Of the branch that is being read. */
    now: Verdict;
    /** Whether one before it is taken. */
    before: Verdict;
}

/** Follows the branches of an Earthfile's recipe, line by line. */
export class Condition {
    private readonly blocks: Block[] = [];

    constructor(private readonly expand: Expand) {}

    /** Whether what is read now is built. */
    get holds(): Verdict {
        return this.blocks.reduce<Verdict>((all, { now }) => both(all, now), true);
    }

    /** True for a line that begins, parts or ends a block. */
    take(line: string): boolean {
        const [, otherwise, text] = /^(ELSE\s+)?IF\s+(.*)$/.exec(line) ?? [];
        const block = this.blocks.at(-1);
        if (text !== undefined && otherwise === undefined) {
            this.blocks.push({ now: judge(text, this.expand), before: false });
        } else if (/^ELSE\b/.test(line) && block) {
            block.before = either(block.before, block.now);
            const own = text === undefined ? true : judge(text, this.expand);
            block.now = both(not(block.before), own);
        } else if (/^(FOR|WITH|WAIT|TRY)\b/.test(line)) this.blocks.push({ now: true, before: false });
        else if (/^(CATCH|FINALLY)\b/.test(line)) return true;
        else if (/^END\b/.test(line)) this.blocks.pop();
        else return false;
        return true;
    }
}

/** A condition of a shell, as far as text can tell. */
export function judge(text: string, expand: Expand): Verdict {
    const [first = "", ...rest] = text.split(/\s*(&&|\|\|)\s*/);
    let verdict = judgeTerm(first, expand);
    for (let i = 0; i < rest.length; i += 2) {
        const next = judgeTerm(rest[i + 1] ?? "", expand);
        // From left to right, and neither binds more.
        verdict = rest[i] === "&&" ? both(verdict, next) : either(verdict, next);
    }
    return verdict;
}

function judgeTerm(text: string, expand: Expand): Verdict {
    const [, inner] = /^\[\[?\s+(.*?)\s*\]\]?$/.exec(text.trim()) ?? [];
    if (inner === undefined) {
        const value = expand(text.trim());
        return value === "true" ? true : value === "false" ? false : undefined;
    }
    const words = (inner.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) =>
        expand(word.replace(/["']/g, "")),
    );
    if (words.includes(undefined)) return undefined;
    const [a, b, c] = words;
    if (words.length === 3 && a === "!" && c !== undefined) return not(isSet(b, c));
    if (words.length === 2 && b !== undefined) return isSet(a, b);
    if (words.length !== 3 || a === undefined || c === undefined) return undefined;
    switch (b) {
        case "=":
        case "==":
            return a === c;
        case "!=":
            return a !== c;
        case "=~":
            // Its patterns are plain names.
            return a.includes(c);
        default:
            return undefined;
    }
}

function isSet(test: string | undefined, value: string): Verdict {
    return test === "-n" ? value !== "" : test === "-z" ? value === "" : undefined;
}

function both(a: Verdict, b: Verdict): Verdict {
    if (a === false || b === false) return false;
    return a === undefined || b === undefined ? undefined : true;
}

function either(a: Verdict, b: Verdict): Verdict {
    if (a === true || b === true) return true;
    return a === undefined || b === undefined ? undefined : false;
}

function not(a: Verdict): Verdict {
    return a === undefined ? undefined : !a;
}

/** One way in which an answer differs from the recorded one. */
export interface Difference {
    readonly path: string;
    readonly expected: unknown;
    readonly actual: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

const PATTERNS: Readonly<Record<string, string>> = {
    uuid: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    time: "\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}:\\d{2}(?:\\.\\d+)?(?:Z|[+-]\\d{2}:\\d{2})?",
};
const PLACEHOLDER = /\$\{([\w.]+)\}/;

/** Compares answers with recorded ones; the server-made values in them are bound as they first appear. */
export class Comparison {
    #differences: Difference[] = [];
    readonly #values = new Map<string, string>();

    constructor(private readonly types: Readonly<Record<string, string>>) {}

    /** The differences since the last call. */
    take(): Difference[] {
        const differences = this.#differences;
        this.#differences = [];
        return differences;
    }

    /** A recorded value with every known placeholder replaced. */
    fill<T>(value: T): T {
        if (typeof value === "string") return this.#fillText(value) as T;
        if (Array.isArray(value)) return value.map((item: unknown) => this.fill(item)) as T;
        if (!isFields(value)) return value;
        return Object.fromEntries(
            Object.entries(value).map(([name, item]) => [this.#fillText(name), this.fill(item)]),
        ) as T;
    }

    equal(path: string, expected: unknown, actual: unknown): void {
        if (Array.isArray(expected) && Array.isArray(actual)) {
            this.#value(`${path}.length`, expected.length, actual.length);
            expected.forEach((item, index) => this.equal(`${path}.${index}`, item, actual[index]));
        } else if (isFields(expected) && isFields(actual)) {
            for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
                this.equal(`${path}.${name}`, expected[name], actual[name]);
            }
        } else if (typeof expected === "string" && typeof actual === "string") {
            if (!this.#matches(expected, actual)) this.#add(path, this.fill(expected), actual);
        } else {
            this.#value(path, expected, actual);
        }
    }

    /** Two lists whose order does not count. */
    same(path: string, expected: readonly string[], actual: readonly string[]): void {
        const left = [...actual];
        for (const item of expected) {
            const index = left.findIndex((candidate) => this.#matches(item, candidate));
            if (index < 0) this.#add(path, this.fill(item), undefined);
            else left.splice(index, 1);
        }
        for (const item of left) this.#add(path, undefined, item);
    }

    /** Whether two texts say the same in the same words; nothing is bound or noted. */
    sameWords(expected: unknown, actual: unknown): boolean {
        const before = new Map(this.#values);
        const kept = this.#differences;
        this.#differences = [];
        this.equal("", expected, actual);
        const same = this.#differences.length === 0;
        this.#differences = kept;
        if (!same) {
            this.#values.clear();
            for (const [name, value] of before) this.#values.set(name, value);
        }
        return same;
    }

    #value(path: string, expected: unknown, actual: unknown): void {
        if (expected !== actual) this.#add(path, expected, actual);
    }

    #add(path: string, expected: unknown, actual: unknown): void {
        this.#differences.push({ path, expected, actual });
    }

    #matches(expected: string, actual: string): boolean {
        const names: string[] = [];
        const pattern = this.#fillText(expected)
            .split(/(\$\{[\w.]+\})/)
            .map((part) => {
                const name = PLACEHOLDER.exec(part)?.[1];
                if (name === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
                if (name === "any") return ".*";
                if (names.includes(name)) return `\\${names.indexOf(name) + 1}`;
                names.push(name);
                return `(${PATTERNS[this.types[name] ?? ""] ?? ".+"})`;
            });
        const match = new RegExp(`^${pattern.join("")}$`, "s").exec(actual);
        if (!match) return false;
        names.forEach((name, index) => this.#values.set(name, match[index + 1] ?? ""));
        return true;
    }

    #fillText(text: string): string {
        return text.replace(/\$\{([\w.]+)\}/g, (whole, name: string) => this.#values.get(name) ?? whole);
    }
}

export function isFields(value: unknown): value is Fields {
    return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The values behind `${kindN}` placeholders, bound as answers show them. */
export class Placeholders {
    #values: Map<string, string>;

    constructor(values: Readonly<Record<string, string>>) {
        this.#values = new Map(Object.entries(values));
    }

    /** A recorded value with every known placeholder replaced. */
    fill<T>(value: T): T {
        if (typeof value === "string") return this.#fillText(value) as T;
        if (Array.isArray(value)) return value.map((item: unknown) => this.fill(item)) as T;
        if (value === null || typeof value !== "object") return value;
        return Object.fromEntries(
            Object.entries(value).map(([key, item]) => [key, this.fill(item as unknown)]),
        ) as T;
    }

    /** Whether a recorded text stands for `actual`; an unbound placeholder is bound by that. */
    match(recorded: string, actual: string): boolean {
        const name = /^\$\{(\w+)\}$/.exec(recorded)?.[1];
        if (name === undefined || isTime(name)) return this.#pattern(recorded).test(actual);
        const known = this.#values.get(name);
        if (known !== undefined) return known === actual;
        if ([...this.#values.values()].includes(actual)) return false;
        this.#values.set(name, actual);
        return true;
    }

    /** Runs `attempt`, and forgets what it bound when it fails. */
    tentatively(attempt: () => boolean): boolean {
        const before = new Map(this.#values);
        const held = attempt();
        if (!held) this.#values = before;
        return held;
    }

    #fillText(text: string): string {
        return text.replace(/\$\{(\w+)\}/g, (whole, name: string) => this.#values.get(name) ?? whole);
    }

    /** Times and internal row numbers are never bound: any will do. */
    #pattern(recorded: string): RegExp {
        const parts = this.#fillText(recorded).split(/(\$\{\w+\})/);
        return new RegExp(`^${parts.map(partPattern).join("")}$`, "s");
    }
}

const TIME = "\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d+)?(?:Z|[+-]\\d{2}:\\d{2})";

function isTime(name: string): boolean {
    return /^time\d*$/.test(name);
}

function partPattern(part: string): string {
    const name = /^\$\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return isTime(name) ? TIME : ".+";
}

import type { Placeholders } from "./placeholders";
import type { RecordedResponse, RecordedSummary } from "./recording";

/** One way in which an answer differs from the recorded one. */
export interface Difference {
    readonly path: string;
    readonly expected: unknown;
    readonly actual: unknown;
}

/** An answer, decoded. */
export interface Answer {
    readonly status: number;
    readonly contentType: string | null;
    /** Parsed where the content is JSON, else the text. */
    readonly body: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** Lists that come in a random order although the answer as a whole does not. */
const UNORDERED = new Set(["inheritedMetadata"]);

/** Compares a body that is no error; placeholders are bound on the way. */
export class Comparison {
    readonly differences: Difference[] = [];

    constructor(private readonly placeholders: Placeholders) {}

    response(expected: RecordedResponse, actual: Answer): void {
        this.#same("status", expected.status, actual.status);
        if (expected.contentType !== undefined)
            this.#same("content-type", expected.contentType, actual.contentType);
        if (expected.status >= 400) this.#error(expected.body, actual.body);
        else if (expected.summary) this.#summary(expected.summary, actual.body, expected.order !== undefined);
        else if (expected.body !== undefined) this.#body(expected, actual.body);
    }

    /** Of an error only the code counts; the wording is people's. */
    #error(expected: unknown, actual: unknown): void {
        if (expected === undefined || typeof expected === "string") return;
        if (!isFields(expected) || !isFields(actual)) this.#same("body", expected, actual);
        else this.#same("body.code", expected.code, actual.code);
    }

    #body({ body, order }: RecordedResponse, actual: unknown): void {
        if (order === undefined || !isFields(body) || !isFields(actual)) {
            this.value("body", body, actual);
            return;
        }
        const list = Object.keys(body).find((key) => Array.isArray(body[key])) ?? "";
        this.value("body", { ...body, [list]: null }, { ...actual, [list]: null });
        this.#set(`body.${list}`, body[list] as unknown[], actual[list]);
    }

    #summary(expected: RecordedSummary, actual: unknown, random: boolean): void {
        const body = isFields(actual) ? actual : {};
        const elements = (body[expected.collection] ?? []) as Fields[];
        const names = elements.map((element) => element[expected.nameField ?? "name"]);
        this.#same("count", expected.count, elements.length);
        this.#same("totalElements", expected.totalElements, body.totalElements);
        this.#same("hasNext", expected.hasNext, body.hasNext);
        if (random) this.value("names", [...expected.names].sort(), [...names].sort());
        else this.value("names", expected.names, names);
    }

    value(path: string, expected: unknown, actual: unknown): void {
        if (Array.isArray(expected) && Array.isArray(actual)) this.#list(path, expected, actual);
        else if (isFields(expected) && isFields(actual)) this.#fields(path, expected, actual);
        else if (typeof expected === "string" && typeof actual === "string")
            this.#text(path, expected, actual);
        else this.#same(path, expected, actual);
    }

    #fields(path: string, expected: Fields, actual: Fields): void {
        for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
            const inner = `${path}.${key}`;
            if (UNORDERED.has(key) && Array.isArray(expected[key]))
                this.#set(inner, expected[key], actual[key]);
            else this.value(inner, expected[key], actual[key]);
        }
    }

    #list(path: string, expected: readonly unknown[], actual: readonly unknown[]): void {
        if (expected.length !== actual.length) {
            this.#same(`${path}.length`, expected.length, actual.length);
            return;
        }
        for (const [index, item] of expected.entries()) this.value(`${path}[${index}]`, item, actual[index]);
    }

    /** Each expected element has to equal one of the actual ones that no other took. */
    #set(path: string, expected: readonly unknown[], actual: unknown): void {
        const left = Array.isArray(actual) ? [...(actual as unknown[])] : [];
        const missing = expected.filter((item) => {
            const index = left.findIndex((candidate) => this.#equal(item, candidate));
            if (index >= 0) left.splice(index, 1);
            return index < 0;
        });
        // What found no counterpart is compared in order, so that the difference itself is shown.
        for (const [index, item] of missing.entries()) this.value(`${path}{${index}}`, item, left[index]);
        if (left.length > missing.length)
            this.#same(`${path}.length`, expected.length, (actual as unknown[]).length);
    }

    #equal(expected: unknown, actual: unknown): boolean {
        return this.placeholders.tentatively(() => {
            const trial = new Comparison(this.placeholders);
            trial.value("", expected, actual);
            return trial.differences.length === 0;
        });
    }

    #text(path: string, expected: string, actual: string): void {
        if (!this.placeholders.match(expected, actual))
            this.#differ(path, this.placeholders.fill(expected), actual);
    }

    #same(path: string, expected: unknown, actual: unknown): void {
        if (JSON.stringify(expected) !== JSON.stringify(actual)) this.#differ(path, expected, actual);
    }

    #differ(path: string, expected: unknown, actual: unknown): void {
        this.differences.push({ path, expected, actual });
    }
}

/** Whether the wording of an error is the recorded one; only counted, never failed. */
export function sameWording(placeholders: Placeholders, expected: unknown, actual: unknown): boolean {
    const [recorded, answered] = [wording(expected), wording(actual)];
    if (recorded === undefined || answered === undefined) return recorded === answered;
    return placeholders.tentatively(() => placeholders.match(recorded, answered));
}

function wording(body: unknown): string | undefined {
    if (typeof body === "string") return body;
    return isFields(body) && typeof body.message === "string" ? body.message : undefined;
}

function isFields(value: unknown): value is Fields {
    return value !== null && typeof value === "object" && !Array.isArray(value);
}

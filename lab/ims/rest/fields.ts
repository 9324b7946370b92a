import { Problem } from "./problem";

/** What is wrong with a field: texts, or the same for its inner fields. */
export type FieldErrors = readonly string[] | { readonly [name: string]: FieldErrors };

/** The value a field takes, or what is wrong with it. */
export type Reading = { readonly value: unknown } | { readonly errors: FieldErrors };

export interface Field {
    readonly read: (value: unknown) => Reading;
    readonly required?: boolean;
    readonly nullable?: boolean;
    /** What a request that leaves the field out has meant. */
    readonly missing?: () => unknown;
}

export type Schema = Readonly<Record<string, Field>>;
export type Values = Record<string, unknown>;

/** Reads a request by its schema; every error of every field together, as the service's library does. */
export function readFields(schema: Schema, body: unknown): Values {
    const result = readNested(schema, body);
    if ("value" in result) return result.value as Values;
    throw invalid(result.errors);
}

export function invalid(errors: FieldErrors): Problem {
    return new Problem(
        422,
        "Input data was understood, but failed validation. Re-run request with valid input values for the fields indicated in the response.",
        { errors },
    );
}

function readNested(schema: Schema, body: unknown): Reading {
    if (!isFields(body)) return { errors: { _schema: ["Invalid input type."] } };
    const values: Values = {};
    const errors: Record<string, FieldErrors> = {};
    for (const [name, field] of Object.entries(schema)) {
        const reading = readField(field, body, name);
        if (!reading) continue;
        if ("value" in reading) values[name] = reading.value;
        else errors[name] = reading.errors;
    }
    for (const name of Object.keys(body)) if (!(name in schema)) errors[name] = ["Unknown field."];
    return Object.keys(errors).length > 0 ? { errors } : { value: values };
}

function readField(field: Field, body: Values, name: string): Reading | undefined {
    if (!(name in body)) {
        if (field.required) return { errors: ["Missing data for required field."] };
        return field.missing && { value: field.missing() };
    }
    const value = body[name];
    if (value !== null) return field.read(value);
    return field.nullable ? { value: null } : { errors: ["Field may not be null."] };
}

/** A text; with `blank` it says so when it is empty. */
export function text(blank?: string): Field {
    return {
        read: (value) => {
            if (typeof value !== "string") return { errors: ["Not a valid string."] };
            return value === "" && blank !== undefined ? { errors: [blank] } : { value };
        },
    };
}

export function notBlank(name: string): Field {
    return text(`${name} field must not be blank`);
}

/** One of a few texts; `error` is what the service says of any other. */
export function oneOf(allowed: readonly string[], error: string): Field {
    return {
        read: (value) => {
            if (typeof value !== "string") return { errors: ["Not a valid string."] };
            return allowed.includes(value) ? { value } : { errors: [error] };
        },
    };
}

const UUID = /^(urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$/i;

export function uuid(): Field {
    return {
        read: (value) =>
            typeof value === "string" && UUID.test(value) ? { value } : { errors: ["Not a valid UUID."] },
    };
}

/** Takes what Python's `int()` takes: whole numbers in text, and fractions, which it cuts off. */
export function positiveInteger(tooSmall: string): Field {
    return {
        read: (value) => {
            const isNumber =
                typeof value === "number" || (typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value));
            if (!isNumber) return { errors: ["Not a valid integer."] };
            const number = Math.trunc(Number(value));
            return number < 1 ? { errors: [tooSmall] } : { value: number };
        },
    };
}

const TRUE = [
    "t",
    "T",
    "true",
    "True",
    "TRUE",
    "on",
    "On",
    "ON",
    "y",
    "Y",
    "yes",
    "Yes",
    "YES",
    "1",
    1,
    true,
];
const FALSE = ["f", "F", "false", "False", "FALSE", "off", "Off", "OFF", "n", "N", "no", "No", "NO", "0", 0];

export function boolean(): Field {
    return {
        read: (value) => {
            if (TRUE.includes(value as never)) return { value: true };
            if (value === false || FALSE.includes(value as never)) return { value: false };
            return { errors: ["Not a valid boolean."] };
        },
    };
}

export function nested(schema: Schema): Field {
    return { read: (value) => readNested(schema, value) };
}

export function listOf(schema: Schema): Field {
    return {
        read: (value) => {
            if (!Array.isArray(value)) return { errors: ["Not a valid list."] };
            const readings = value.map((item: unknown) => readNested(schema, item));
            const errors = readings.flatMap((reading, index) =>
                "errors" in reading ? [[String(index), reading.errors] as const] : [],
            );
            if (errors.length > 0) return { errors: Object.fromEntries(errors) };
            return { value: readings.map((reading) => ("value" in reading ? reading.value : undefined)) };
        },
    };
}

/** Any names with texts. */
export function textMap(): Field {
    return {
        read: (value) => {
            if (!isFields(value)) return { errors: ["Not a valid mapping type."] };
            const wrong = Object.entries(value).filter(([, item]) => typeof item !== "string");
            if (wrong.length === 0) return { value };
            return {
                errors: Object.fromEntries(wrong.map(([name]) => [name, { value: ["Not a valid string."] }])),
            };
        },
    };
}

export function required(field: Field): Field {
    return { ...field, required: true };
}

export function nullable(field: Field): Field {
    return { ...field, nullable: true };
}

export function withDefault(field: Field, missing: () => unknown): Field {
    return { ...field, missing };
}

export function isFields(value: unknown): value is Values {
    return value !== null && typeof value === "object" && !Array.isArray(value);
}

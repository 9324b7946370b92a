import Ajv, { type AnySchemaObject, type ErrorObject, type ValidateFunction } from "ajv";
import { API } from "./description";
import { invalid } from "./errors";

const PREFIX = "#/definitions/";

/** The server passes over members it does not know, so requests may hold more than the description has. */
const lenient = validators((schema) => schema);
/** What the lab itself answers holds nothing that the description does not name. */
const strict = validators(closed);

/** Refuses a body that the description does not allow. */
export function validateRequest(name: string, body: unknown): void {
    const validate = lenient(name);
    if (validate(body)) return;
    const faults = textOf(validate.errors);
    throw invalid(`the request body is not valid: ${faults}`, { errors: faults });
}

/** Fails when the lab answers what the real API would not: a defect of the lab. */
export function validateAnswer(name: string, answer: unknown): void {
    const validate = strict(name);
    if (!validate(answer)) throw new Error(`the answer is no ${name}: ${textOf(validate.errors)}`);
}

function validators(
    change: (schema: AnySchemaObject) => AnySchemaObject,
): (name: string) => ValidateFunction {
    // Formats are words of the SDK's generator (`password`, `date-time` of Go).
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    const definitions = Object.fromEntries(
        Object.entries(API.definitions).map(([name, schema]) => [name, change(schema)]),
    );
    ajv.addSchema({ $id: "palette", definitions });
    return (name) => {
        const validate = ajv.getSchema(`palette${PREFIX}${name}`);
        if (!validate) throw new Error(`the description has no ${name}`);
        return validate as ValidateFunction;
    };
}

/** The schema, at every depth without room for more members than it names. */
function closed(schema: AnySchemaObject): AnySchemaObject {
    const { properties, items } = schema as {
        properties?: Record<string, AnySchemaObject>;
        items?: AnySchemaObject;
    };
    const inner = properties && {
        properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [name, closed(property)]),
        ),
        additionalProperties: (schema.additionalProperties as unknown) ?? false,
    };
    return { ...schema, ...inner, ...(items ? { items: closed(items) } : {}) };
}

function textOf(errors: ErrorObject[] | null | undefined): string {
    return (errors ?? [])
        .map(({ instancePath, message, params }) => {
            const extra = params.additionalProperty as string | undefined;
            return `${instancePath.replaceAll("/", ".") || "."} ${message ?? ""}${extra ? ` (${extra})` : ""}`;
        })
        .join("; ");
}

import Ajv, { type AnySchemaObject, type ErrorObject, type ValidateFunction } from "ajv";
import { GatewayError } from "../errors";
import { readJsonBody } from "./body";
import { API, type Operation, type Parameter } from "./description";
import { bodyFault, strictFaults } from "./wording";

const REFERENCE = "#/components/schemas/";

// The patterns are written for Go, which takes `\ ` for a blank; with the u flag JavaScript would refuse that.
const ajv = new Ajv({
    strict: false,
    validateFormats: false,
    unicodeRegExp: false,
    allErrors: true,
    verbose: true,
});
/** Registrations are not looked at by the gateway, but by another validator. */
const STRICT_BODIES = new Set(["HostRegister"]);
/** The spellings of true and false that Go takes. */
export const TRUE = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE = ["0", "f", "F", "FALSE", "false", "False"];

const validators = new Map<string, ValidateFunction>();
const parameterValidators = new Map<AnySchemaObject, ValidateFunction>();

/** The parameters of a query as they were sent: each name with its values. */
export type Query = ReadonlyMap<string, readonly string[]>;

/** Reads the part of a URL behind the question mark. */
export function readQuery(search: string): Query {
    const query = new Map<string, string[]>();
    for (const [name, value] of new URLSearchParams(search)) {
        query.set(name, [...(query.get(name) ?? []), value]);
    }
    return query;
}

/** Checks parameters and body against the API description, in the order of the real validator. */
export function validateRequest(
    operation: Operation,
    path: Readonly<Record<string, string>>,
    query: Query,
    contentType: string | undefined,
    body: Buffer,
): unknown {
    refuseEmptyValues(operation, query);
    for (const parameter of operation.parameters) {
        const value = parameter.in === "path" ? path[parameter.name] : query.get(parameter.name)?.[0];
        validateParameter(parameter, value);
    }
    return operation.body === undefined ? undefined : validateBody(operation.body, contentType, body);
}

function refuseEmptyValues({ parameters }: Operation, query: Query): void {
    const empty = parameters.some(
        ({ name, in: place }) => place === "query" && query.get(name)?.includes(""),
    );
    if (empty) throw new GatewayError(400, "empty value is not allowed");
}

function validateParameter(
    { name, in: place, required, schema }: Parameter,
    value: string | undefined,
): void {
    if (value === undefined) {
        if (!required) return;
        throw new GatewayError(
            400,
            `parameter "${name}" in ${place} has an error: value is required but missing`,
        );
    }
    const typed = readTyped(name, schema.type as string | undefined, value);
    const validate = parameterValidators.get(schema) ?? ajv.compile(inlineReferences(schema));
    parameterValidators.set(schema, validate);
    if (!validate(typed)) throw new GatewayError(400, strictFaults(validate.errors ?? []));
}

function readTyped(name: string, type: string | undefined, value: string): unknown {
    if (type === "boolean" && TRUE.includes(value)) return true;
    if (type === "boolean" && FALSE.includes(value)) return false;
    if (type === "integer" && /^[-+]?\d+$/.test(value)) return Number(value);
    if (type !== "boolean" && type !== "integer") return value;
    const reason = `value ${value}: an invalid ${type}: invalid syntax`;
    throw new GatewayError(400, `parameter "${name}" in query has an error: ${reason}`);
}

function validateBody(schemaName: string, contentType: string | undefined, body: Buffer): unknown {
    // A request without a body is let through; the service then sees an empty message.
    if (body.length === 0) return undefined;
    if (!isJson(contentType)) {
        const reason = `header Content-Type has unexpected value "${contentType ?? ""}"`;
        throw new GatewayError(400, `request body has an error: ${reason}`);
    }
    const value = readJsonBody(body);
    const validate = bodyValidator(schemaName);
    if (!validate(value)) throw new GatewayError(400, fault(schemaName, validate.errors ?? []));
    refuseReadOnly(schemaName, value);
    return value;
}

function isJson(contentType: string | undefined): boolean {
    return contentType?.split(";")[0]?.trim().toLowerCase() === "application/json";
}

function bodyValidator(schemaName: string): ValidateFunction {
    const validate =
        validators.get(schemaName) ?? ajv.compile({ $ref: `${REFERENCE}${schemaName}`, ...definitions() });
    validators.set(schemaName, validate);
    return validate;
}

function fault(schemaName: string, errors: readonly ErrorObject[]): string {
    return STRICT_BODIES.has(schemaName) ? strictFaults(errors) : bodyFault(schemaName, errors);
}

function definitions(): AnySchemaObject {
    return { components: { schemas: API.schemas } };
}

function inlineReferences(schema: AnySchemaObject): AnySchemaObject {
    return { ...schema, ...definitions() };
}

/** A property marked read-only may not be sent; one that is a reference to another schema may. */
function refuseReadOnly(schemaName: string, value: unknown): void {
    const names: string[] = [];
    collectReadOnly({ $ref: `${REFERENCE}${schemaName}` }, value, names);
    if (names.length === 0) return;
    throw new GatewayError(400, names.map((name) => `readOnly property "${name}" in request`).join(" | "));
}

function collectReadOnly(schema: AnySchemaObject, value: unknown, names: string[]): void {
    const resolved = resolve(schema);
    if (Array.isArray(value)) {
        for (const item of value) collectReadOnly((resolved.items ?? {}) as AnySchemaObject, item, names);
    } else if (value !== null && typeof value === "object") {
        const properties = (resolved.properties ?? {}) as Record<string, AnySchemaObject | undefined>;
        for (const [name, item] of Object.entries(value)) {
            const property = properties[name] ?? {};
            if (property.readOnly === true) names.push(name);
            collectReadOnly(property, item, names);
        }
    }
}

function resolve(schema: AnySchemaObject): AnySchemaObject {
    const reference: unknown = schema.$ref;
    return typeof reference === "string" ? (API.schemas[reference.slice(REFERENCE.length)] ?? {}) : schema;
}

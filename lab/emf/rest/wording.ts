import type { ErrorObject } from "ajv";

/**
 * The faults of a body as the gateway words them. It tells the first only, going through the keys by their names, and
 * looks for missing ones at the end.
 *
 * @param schemaName of the body
 */
export function bodyFault(schemaName: string, errors: readonly ErrorObject[]): string {
    const [error] = [...errors].sort((a, b) => compare(placeOf(a), placeOf(b)));
    if (!error) return "request body has an error";
    const { path, reason } = gatewayReason(error);
    const where = path === "" ? "" : `Error at "${path}": `;
    return `request body has an error: doesn't match schema #/components/schemas/${schemaName}: ${where}${reason}`;
}

/** Faults of a parameter, or of a registration, which another validator looks at: all are told. */
export function strictFaults(errors: readonly ErrorObject[]): string {
    return errors
        .map((error) => {
            const { instancePath: path } = error;
            const where = path === "" ? "" : `error at "${path}": `;
            return `${where}at '${path}': ${strictReason(error)}\nSchema:\n  null\n\nValue:\n  null\n`;
        })
        .join(" | ");
}

/** In this order a value is looked at. */
const ORDER = ["enum", "type", "minLength", "maxLength", "pattern"];
const LAST = "\uFFFF";

/** Where the gateway comes upon a fault: keys, then what is wrong there. */
function placeOf({ keyword, instancePath, params }: ErrorObject): string[] {
    const { additionalProperty } = params as { additionalProperty?: string };
    const keys = instancePath.split("/").slice(1);
    if (keyword === "required") keys.push(LAST);
    if (additionalProperty !== undefined) keys.push(additionalProperty);
    return [...keys, String(ORDER.indexOf(keyword))];
}

function compare(a: readonly string[], b: readonly string[]): number {
    const at = a.findIndex((key, i) => key !== b[i]);
    const [left = "", right = ""] = [a[at], b[at]];
    return left < right ? -1 : left > right ? 1 : 0;
}

function gatewayReason(error: ErrorObject): { path: string; reason: string } {
    const { keyword, instancePath: path } = error;
    const { enum: allowed } = (error.parentSchema ?? {}) as { enum?: unknown };
    if (keyword === "type" && allowed !== undefined) {
        // It looks at the values before the type.
        return gatewayReason({ ...error, keyword: "enum", params: { allowedValues: allowed } });
    }
    const params = error.params as Record<string, unknown>;
    switch (keyword) {
        case "required": {
            const name = String(params.missingProperty);
            return { path: `${path}/${name}`, reason: `property "${name}" is missing` };
        }
        case "additionalProperties":
            return { path, reason: `property "${String(params.additionalProperty)}" is unsupported` };
        case "enum":
            return {
                path,
                reason: `value is not one of the allowed values ${JSON.stringify(params.allowedValues)}`,
            };
        case "pattern":
            return {
                path,
                reason: `string doesn't match the regular expression "${String(params.pattern)}"`,
            };
        case "minLength":
        case "maxLength":
            return { path, reason: `${keyword.slice(0, 3)}imum string length is ${String(params.limit)}` };
        case "minimum":
        case "maximum": {
            const bound = keyword === "minimum" ? "least" : "most";
            return { path, reason: `number must be at ${bound} ${shortFloat(Number(params.limit))}` };
        }
        case "minItems":
        case "maxItems":
            return { path, reason: `${keyword.slice(0, 3)}imum number of items is ${String(params.limit)}` };
        case "type":
            return {
                path,
                reason:
                    error.data === null
                        ? "Value is not nullable"
                        : `value must be ${article(String(params.type))}`,
            };
        default:
            return { path, reason: error.message ?? keyword };
    }
}

function strictReason({ keyword, params, data, message }: ErrorObject): string {
    const { limit, pattern, additionalProperty, missingProperty, type, allowedValues } = params as Record<
        string,
        unknown
    >;
    switch (keyword) {
        case "minLength":
        case "maxLength":
            return `${keyword}: got ${grouped(Array.from(String(data)).length)}, want ${grouped(Number(limit))}`;
        case "minimum":
        case "maximum":
            return `${keyword}: got ${grouped(Number(data))}, want ${grouped(Number(limit))}`;
        case "pattern":
            return `${quoted(String(data))} does not match pattern ${quoted(String(pattern))}`;
        case "additionalProperties":
            return `additional properties ${quoted(String(additionalProperty))} not allowed`;
        case "required":
            return `missing property ${quoted(String(missingProperty))}`;
        case "enum":
            return `value must be one of ${(allowedValues as unknown[]).map((value) => quoted(String(value))).join(", ")}`;
        case "type":
            return `got ${typeName(data)}, want ${String(type)}`;
        default:
            return message ?? keyword;
    }
}

function article(type: string): string {
    return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function typeName(value: unknown): string {
    if (value === null) return "null";
    return Array.isArray(value) ? "array" : typeof value;
}

function quoted(text: string): string {
    return `'${text.replace(/'/g, "\\'")}'`;
}

/** With commas between thousands. */
function grouped(value: number): string {
    return value.toLocaleString("en-US", { maximumFractionDigits: 20 });
}

/** As Go's `%g` does: with an exponent of two digits at least from a million on. */
function shortFloat(value: number): string {
    if (Math.abs(value) < 1e6) return String(value);
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

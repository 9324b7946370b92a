/**
 * Makes `lab/emf/data/infra-api.json` from the OpenAPI file of EMF's Edge Infrastructure Manager:
 *
 *     npx ts-node scripts/slimEmfApi.ts path/to/openapi.yaml
 *
 * Kept are the operations with the rules of their parameters and bodies; texts and answers are left out.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = Record<string, Json>;

interface Parameter {
    name: string;
    in: string;
    required?: boolean;
    schema: Json;
}

const METHODS = ["get", "post", "put", "patch", "delete"];
const TEXTS = new Set(["description", "title", "examples", "example"]);
const REFERENCE = "#/components/schemas/";

/** A schema without its texts. What stands beside a `$ref` is dropped: the real validator ignores it too. */
function slimSchema(schema: Json): Json {
    if (Array.isArray(schema)) return schema.map(slimSchema);
    if (schema === null || typeof schema !== "object") return schema;
    if (typeof schema.$ref === "string") return { $ref: schema.$ref };
    const kept = Object.entries(schema).filter(
        ([key, value]) => !TEXTS.has(key) || typeof value === "object",
    );
    return Object.fromEntries(
        kept
            .filter(([key]) => key !== "examples")
            .map(([key, value]) => [
                key,
                key === "properties" ? slimProperties(value as JsonObject) : slimSchema(value),
            ]),
    );
}

function slimProperties(properties: JsonObject): JsonObject {
    return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, slimSchema(schema)]));
}

function slimParameter(parameter: Parameter): JsonObject {
    const { name, in: place, required, schema } = parameter;
    return { name, in: place, ...(required ? { required } : {}), schema: slimSchema(schema) };
}

/** `#/components/schemas/HostRegister` of an operation's body, or undefined when it takes none. */
function bodyReference(operation: JsonObject): string | undefined {
    const content = (
        operation.requestBody as { content?: Record<string, { schema?: { $ref?: string } }> } | undefined
    )?.content;
    return content?.["application/json"]?.schema?.$ref;
}

function slimOperations(paths: Record<string, JsonObject>): JsonObject[] {
    return Object.entries(paths).flatMap(([route, methods]) =>
        METHODS.filter((method) => method in methods).map((method) => {
            const operation = methods[method] as JsonObject;
            const body = bodyReference(operation);
            return {
                method: method.toUpperCase(),
                path: route,
                // The generator numbers the second and later paths of an operation.
                operation: (operation.operationId as string).replace(/^.*_/, "").replace(/\d+$/, ""),
                parameters: ((operation.parameters ?? []) as unknown as Parameter[]).map(slimParameter),
                ...(body === undefined ? {} : { body: body.slice(REFERENCE.length) }),
            };
        }),
    );
}

/** The named schemas and all they refer to; enums are kept in any case. */
function reachable(schemas: JsonObject, names: string[]): JsonObject {
    const kept: JsonObject = {};
    const open = [...names];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
        if (name in kept) continue;
        const schema = slimSchema(schemas[name] ?? {});
        kept[name] = schema;
        for (const [, found] of JSON.stringify(schema).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
            if (found !== undefined) open.push(found);
        }
    }
    return Object.fromEntries(Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function main(source: string): void {
    const api = parse(fs.readFileSync(source, "utf8")) as {
        info: { title: string; version: string };
        paths: Record<string, JsonObject>;
        components: { schemas: JsonObject };
    };
    const operations = slimOperations(api.paths);
    const { schemas } = api.components;
    const bodies = operations.flatMap((operation) =>
        typeof operation.body === "string" ? [operation.body] : [],
    );
    const enums = Object.keys(schemas).filter((name) => (schemas[name] as JsonObject).enum !== undefined);
    const target = path.join(__dirname, "../lab/emf/data/infra-api.json");
    const content = {
        title: api.info.title,
        version: api.info.version,
        operations,
        schemas: reachable(schemas, [...bodies, ...enums]),
    };
    fs.writeFileSync(target, `${JSON.stringify(content)}\n`);
    console.log(`${target}: ${operations.length} operations, ${fs.statSync(target).size} bytes`);
}

const [, , source] = process.argv;
if (source === undefined)
    throw new Error("Name the OpenAPI file: npx ts-node scripts/slimEmfApi.ts openapi.yaml");
main(source);

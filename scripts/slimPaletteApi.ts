/**
 * Makes `lab/palette/data/palette-api.json` from the OpenAPI file of Palette:
 *
 *     npx ts-node scripts/slimPaletteApi.ts path/to/palette.json
 *
 * Kept are the operations on edge hosts, packs, profiles and edge clusters, with the schemas of their bodies and
 * answers; texts are left out.
 */
import * as fs from "node:fs";
import * as path from "node:path";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = Record<string, Json>;

interface SchemaReference {
    $ref?: string;
    items?: { $ref?: string };
}

interface Parameter {
    name: string;
    in: string;
    required?: boolean;
    schema?: SchemaReference;
}

interface SourceOperation {
    parameters?: Parameter[];
    responses: Record<string, { schema?: SchemaReference }>;
}

const REFERENCE = "#/definitions/";
const LIST = "List";
const TEXTS = new Set(["description", "title", "example", "summary"]);
const METHODS = ["get", "post", "put", "patch", "delete"];
const KEPT: Readonly<Record<string, readonly string[]>> = {
    "/v1/dashboard/projects/metadata": ["get"],
    "/v1/edgehosts": ["post"],
    "/v1/edgehosts/metadata": ["get"],
    "/v1/edgehosts/tags": ["get"],
    "/v1/edgehosts/tokens": ["get", "post"],
    "/v1/edgehosts/tokens/{uid}": ["get", "put", "delete"],
    "/v1/edgehosts/tokens/{uid}/state": ["put"],
    "/v1/edgehosts/{uid}": ["get", "put", "delete"],
    "/v1/edgehosts/{uid}/meta": ["put"],
    "/v1/edgehosts/{uid}/tunnelConfig": ["patch"],
    "/v1/edgehosts/{uid}/hostPairingKey": ["patch"],
    "/v1/dashboard/edgehosts/search": ["post"],
    "/v1/registries/metadata": ["get"],
    "/v1/registries/helm/{uid}/sync/status": ["get"],
    "/v1/registries/oci/{uid}/basic/sync/status": ["get"],
    "/v1/registries/pack/{uid}/sync/status": ["get"],
    "/v1/packs/{packName}/registries/{registryUid}": ["get"],
    "/v1/clusterprofiles": ["post"],
    "/v1/clusterprofiles/{uid}": ["get", "put", "delete"],
    "/v1/clusterprofiles/{uid}/clone": ["post"],
    "/v1/clusterprofiles/{uid}/metadata": ["patch"],
    "/v1/clusterprofiles/{uid}/packs/manifests": ["get"],
    "/v1/clusterprofiles/{uid}/publish": ["patch"],
    "/v1/clusterprofiles/{uid}/variables": ["get", "put", "patch", "delete"],
    "/v1/dashboard/clusterprofiles/metadata": ["get"],
    "/v1/spectroclusters/edge-native": ["post"],
    "/v1/spectroclusters/{uid}": ["get", "delete"],
    "/v1/spectroclusters/{uid}/metadata": ["patch"],
    "/v1/spectroclusters/{uid}/profiles": ["get", "patch", "delete"],
    "/v1/spectroclusters/{uid}/repave/approve": ["patch"],
    "/v1/spectroclusters/{uid}/variables": ["get", "patch"],
    "/v1/dashboard/spectroclusters/search": ["post"],
    "/v1/dashboard/spectroclusters/{uid}/overview": ["get"],
    "/v1/cloudconfigs/edge-native/{configUid}": ["get"],
    "/v1/cloudconfigs/edge-native/{configUid}/clusterConfig": ["put"],
    "/v1/cloudconfigs/edge-native/{configUid}/machinePools": ["post"],
    "/v1/cloudconfigs/edge-native/{configUid}/machinePools/{machinePoolName}": ["put", "delete"],
};

/** A schema without its texts; a property may be named as a text is. */
function slim(schema: Json, areNames = false): Json {
    if (Array.isArray(schema)) return schema.map((part) => slim(part));
    if (schema === null || typeof schema !== "object") return schema;
    const kept = Object.entries(schema).filter(
        ([key]) => areNames || (!TEXTS.has(key) && !key.startsWith("x-")),
    );
    const slimmed: JsonObject = Object.fromEntries(
        kept.map(([key, value]) => [key, slim(value, !areNames && key === "properties")]),
    );
    return areNames ? slimmed : withExclusiveMinimum(slimmed);
}

/** Swagger 2 says by a flag that the minimum itself is not allowed; JSON Schema has a number for it. */
function withExclusiveMinimum({ minimum, exclusiveMinimum, ...rest }: JsonObject): JsonObject {
    if (minimum === undefined) return rest;
    return exclusiveMinimum === true ? { ...rest, exclusiveMinimum: minimum } : { ...rest, minimum };
}

function slimOperation(method: string, route: string, source: SourceOperation): JsonObject {
    const body = nameOf(source.parameters?.find((parameter) => parameter.in === "body")?.schema);
    const query = source.parameters?.filter((parameter) => parameter.in === "query").map(({ name }) => name);
    const [status = "204", answer] =
        Object.entries(source.responses).find(([code]) => code.startsWith("2")) ?? [];
    const shown = nameOf(answer?.schema);
    return {
        method: method.toUpperCase(),
        path: route,
        query: query ?? [],
        status: Number(status),
        ...(body === undefined ? {} : { body }),
        ...(shown === undefined ? {} : { answer: shown }),
    };
}

/** A schema's name; a list that has none is called after its items. */
function nameOf({ $ref, items }: SchemaReference = {}): string | undefined {
    if ($ref !== undefined) return $ref.slice(REFERENCE.length);
    return items?.$ref === undefined ? undefined : items.$ref.slice(REFERENCE.length) + LIST;
}

/** The schema of a name, also of those that `nameOf` makes. */
function schemaNamed(name: string, definitions: JsonObject): Json {
    const known = definitions[name];
    if (known !== undefined || !name.endsWith(LIST)) return known ?? {};
    return { type: "array", items: { $ref: REFERENCE + name.slice(0, -LIST.length) } };
}

function reachable(definitions: JsonObject, names: string[]): JsonObject {
    const kept: JsonObject = {};
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
        if (name in kept) continue;
        const schema = slim(schemaNamed(name, definitions));
        kept[name] = schema;
        for (const [, found] of JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g)) {
            if (found !== undefined) names.push(found);
        }
    }
    return Object.fromEntries(Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function main(source: string): void {
    const api = JSON.parse(fs.readFileSync(source, "utf8")) as {
        info: { title: string; version: string };
        paths: Record<string, Record<string, SourceOperation> & { parameters?: Parameter[] }>;
        definitions: JsonObject;
    };
    const operations = Object.entries(KEPT).flatMap(([route, methods]) =>
        METHODS.filter((method) => methods.includes(method)).map((method) => {
            const operation = api.paths[route]?.[method];
            if (!operation) throw new Error(`${source} has no ${method} ${route}`);
            return slimOperation(method, route, operation);
        }),
    );
    const named = operations.flatMap(({ body, answer }) =>
        [body, answer].filter((name) => typeof name === "string"),
    );
    const content = {
        title: api.info.title,
        version: api.info.version,
        operations,
        definitions: reachable(api.definitions, [...named, "v1Error"]),
    };
    const target = path.join(__dirname, "../lab/palette/data/palette-api.json");
    fs.writeFileSync(target, `${JSON.stringify(content)}\n`);
    console.log(`${target}: ${operations.length} operations, ${fs.statSync(target).size} bytes`);
}

const [, , source] = process.argv;
if (source === undefined)
    throw new Error("Name the OpenAPI file: npx ts-node scripts/slimPaletteApi.ts palette.json");
main(source);

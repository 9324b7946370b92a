import type { AnySchemaObject } from "ajv";
import api from "../data/palette-api.json";

/** An operation of the API, as its description has it. */
export interface Operation {
    readonly method: string;
    /** `/v1/edgehosts/{uid}`. */
    readonly path: string;
    /** Names of the query's parameters. */
    readonly query: readonly string[];
    /** The status of success. */
    readonly status: number;
    /** The schema of the body it takes. */
    readonly body?: string;
    /** The schema of its answer; without one it answers without a body. */
    readonly answer?: string;
}

/** What the lab knows of the API's description: made by `scripts/slimPaletteApi.ts`. */
export const API = api as unknown as {
    readonly operations: readonly Operation[];
    readonly definitions: Readonly<Record<string, AnySchemaObject>>;
};

interface Match {
    readonly operation: Operation;
    readonly params: Readonly<Record<string, string>>;
}

const PATTERNS = API.operations.map((operation) => ({
    operation,
    pattern: new RegExp(`^${operation.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
    variables: operation.path.split("{").length,
}));
// `/v1/edgehosts/tokens` is no edge host named so: the path with the fewest variables is meant.
PATTERNS.sort((a, b) => a.variables - b.variables);

/** The operation that a request asks for, with the segments of its path. */
export function operationOf(method: string, path: string): Match | undefined {
    for (const { operation, pattern } of PATTERNS) {
        if (operation.method !== method) continue;
        const groups = pattern.exec(path)?.groups ?? (pattern.test(path) ? {} : undefined);
        if (groups) return { operation, params: { ...groups } };
    }
    return undefined;
}

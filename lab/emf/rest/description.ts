import type { AnySchemaObject } from "ajv";
import api from "../data/infra-api.json";

/** A parameter of an operation. */
export interface Parameter {
    readonly name: string;
    readonly in: "path" | "query";
    readonly required?: boolean;
    readonly schema: AnySchemaObject;
}

/** An operation of the API, on one of its paths. */
export interface Operation {
    readonly method: string;
    readonly path: string;
    /** The name of the service's method, such as `PatchHost`; several paths may lead to one. */
    readonly operation: string;
    readonly parameters: readonly Parameter[];
    /** The schema of the body; operations without one ignore what is sent. */
    readonly body?: string;
}

/** What the lab knows of the API's description: made by `scripts/slimEmfApi.ts`. */
export const API = api as unknown as {
    readonly operations: readonly Operation[];
    readonly schemas: Readonly<Record<string, AnySchemaObject & { readonly enum?: readonly string[] }>>;
};

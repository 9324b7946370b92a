import type { EmfStore } from "../store";
import type { Query } from "./validation";

/** A checked request on its way to the service it is for. */
export interface Call {
    readonly store: EmfStore;
    /** The uid of the project. */
    readonly tenantId: string;
    readonly path: Readonly<Record<string, string>>;
    readonly query: Query;
    /** The body, valid by the API description; an empty object when there was none. */
    readonly body: Readonly<Record<string, unknown>>;
    readonly hasBody: boolean;
}

/** What an operation does; the result is the body of the answer. */
export type Handler = (call: Call) => unknown;

/** The operations of one kind of resource, by the names of the API description. */
export type Handlers = Readonly<Record<string, Handler>>;

import type * as http from "node:http";

import { createHandler, type HandlerOptions } from "../handler";
import { json, type ApiResponse } from "../http";
import type { EmfApi } from "./api";
import type { Keycloak } from "./keycloak";

/** What stands behind the EMF server. */
export interface EmfHandlerOptions extends Omit<HandlerOptions, "answer"> {
    readonly api: EmfApi;
    readonly keycloak: Keycloak;
}

/** The EMF server: Keycloak's realm and the REST API on one origin, behind the faults. */
export function createEmfHandler({ api, keycloak, ...rest }: EmfHandlerOptions): http.RequestListener {
    return createHandler({
        ...rest,
        answer: async (request) => (await keycloak(request)) ?? (await api(request).catch(internalError)),
    });
}

/** A defect of the stand-in itself: answered as EMF answers its own, so that a client's run goes on. */
function internalError(error: unknown): ApiResponse {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`lab EMF: ${message}\n`);
    return json(500, { code: "Internal", message: "the lab failed on this request; see its log" });
}

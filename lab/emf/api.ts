import { authenticate, authorize, ProjectDenied, type Credentials, type TokenVerifier } from "./auth";
import { EmfError, GatewayError } from "./errors";
import { decodeSegment, json, plainText, type ApiRequest, type ApiResponse } from "../http";
import { RateLimit } from "./rateLimit";
import { MAX_BODY_BYTES, refuseDuplicateFields } from "./rest/body";
import type { Call } from "./rest/call";
import { findOperation } from "./rest/operations";
import { serviceOf } from "./rest/services";
import { readQuery, validateRequest } from "./rest/validation";
import type { EmfStore, Project } from "./store";

export type { ApiRequest, ApiResponse } from "../http";

/** What the API works on. */
export interface EmfApiOptions {
    readonly store: EmfStore;
    readonly auth: TokenVerifier;
    /** For the rate limit. */
    readonly clock?: () => Date;
}

/** Answers one request. */
export type EmfApi = (request: ApiRequest) => Promise<ApiResponse>;

/** The characters Go calls printable, and its blanks. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\s\u0085]*$/u;

const LEGACY_PREFIX = "/edge-infra.orchestrator.apis/v2/";

/** The REST API of an EMF orchestrator over `store`, from the raw request to the answer. */
export function createEmfApi({ store, auth, clock = () => new Date() }: EmfApiOptions): EmfApi {
    const rateLimit = new RateLimit(clock);
    return async (request) => {
        try {
            return await answer(request);
        } catch (error) {
            return refusal(error);
        }
    };

    async function answer(request: ApiRequest): Promise<ApiResponse> {
        refuseUnprintable(request);
        const [pathname, search] = splitUrl(request.url);
        const credentials = credentialsOf(request);
        const lookup = /^\/v1\/projects\/([^/]+)$/.exec(pathname);
        if (lookup && request.method === "GET") return lookUpProject(lookup[1] ?? "", credentials);
        const tenantId = await authorizeFor(pathname, request.method, credentials);
        if (!rateLimit.admit(request.address ?? "")) return json(429, null);
        return serve(request, pathname, search, tenantId);
    }

    /** The tenant manager's answer, by which clients learn a project's uid. */
    async function lookUpProject(name: string, credentials: Credentials): Promise<ApiResponse> {
        const roles = await authenticate(credentials, auth);
        const project = projectNamed(name);
        if (!project) return json(404, { message: "project not found" });
        if (!roles.some((role) => role.startsWith(`${project.uid}_`)))
            throw new GatewayError(403, "Forbidden");
        const { uid: uID, description = project.name } = project;
        const statusIndicator = "STATUS_INDICATION_IDLE";
        const message = `Project ${project.name} CREATE is complete`;
        return json(200, {
            spec: { description },
            status: { projectStatus: { uID, statusIndicator, message } },
        });
    }

    function projectNamed(segment: string): Project | undefined {
        return store.project(decodeSegment(segment) ?? "");
    }

    async function authorizeFor(pathname: string, method: string, credentials: Credentials): Promise<string> {
        const name = /^\/v1\/projects\/([^/]+)\//.exec(pathname)?.[1];
        const project = name === undefined ? undefined : projectNamed(name);
        if (name !== undefined && !project) throw new ProjectDenied();
        return authorize(credentials, project, method, auth);
    }

    function serve(request: ApiRequest, pathname: string, search: string, tenantId: string): ApiResponse {
        const body = request.body ?? Buffer.alloc(0);
        if (body.length > MAX_BODY_BYTES) throw new GatewayError(413, "Request Entity Too Large");
        const { operation, path } = findOperation(methodOf(request), pathname);
        const query = readQuery(legacyQuery(pathname, search, request));
        const message = validateRequest(operation, path, query, request.headers["content-type"], body);
        if (message !== undefined) refuseDuplicateFields(body);
        const call = { store, tenantId, path, query, body: (message ?? {}) as Call["body"] };
        return json(200, serviceOf(operation.operation)({ ...call, hasBody: message !== undefined }));
    }
}

function refusal(error: unknown): ApiResponse {
    if (error instanceof ProjectDenied) return plainText(403, error.message);
    if (error instanceof EmfError) return json(error.status, { code: error.code, message: error.message });
    if (error instanceof GatewayError) return json(error.status, { message: error.message });
    throw error;
}

function refuseUnprintable({ headers, body }: ApiRequest): void {
    for (const [where, text] of [
        ["header", Object.values(headers).join("")],
        ["body", body?.toString("utf8") ?? ""],
    ] as const) {
        if (!PRINTABLE.test(text) || text.includes("\uFEFF")) {
            throw new GatewayError(400, `request ${where} contains non printable characters`);
        }
    }
}

/** Path and query of a URL; one slash at the end of the path does not count. */
function splitUrl(url: string): [pathname: string, search: string] {
    const mark = url.indexOf("?");
    const pathname = mark < 0 ? url : url.slice(0, mark);
    const search = mark < 0 ? "" : url.slice(mark + 1);
    return [pathname.length > 1 && pathname.endsWith("/") ? pathname.slice(0, -1) : pathname, search];
}

function credentialsOf({ headers }: ApiRequest): Credentials {
    return { authorization: headers.authorization, activeProjectId: headers.activeprojectid };
}

/** A POST may ask to be taken for another method. */
function methodOf({ method, headers }: ApiRequest): string {
    return (method === "POST" ? headers["x-http-method-override"] : undefined) ?? method;
}

/** The old paths name no project; the header stands in where the query does not. */
function legacyQuery(pathname: string, search: string, { headers }: ApiRequest): string {
    const project = headers.activeprojectid;
    if (project === undefined || !pathname.startsWith(LEGACY_PREFIX)) return search;
    const parameters = new URLSearchParams(search);
    if (!parameters.has("projectName")) parameters.set("projectName", project);
    return parameters.toString();
}

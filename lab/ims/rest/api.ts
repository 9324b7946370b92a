import { json, type ApiRequest, type ApiResponse } from "../../http";
import * as images from "./images";
import * as jobs from "./jobs";
import { FrameworkError, Problem, unhandled } from "./problem";
import * as publicKeys from "./publicKeys";
import * as recipes from "./recipes";
import { ok, type Call, type Handler, type ImsService, type Outcome } from "./service";

const VERSION = "3.33.0";

type Methods = Readonly<Record<string, Handler>>;

interface Route {
    readonly path: RegExp;
    readonly methods: Methods;
    /** Whether an error of the framework is also told in the service's own form. */
    readonly resource: boolean;
}

const NOTHING: Handler = () => ok([]);
const EMPTY: Handler = () => ok({});

/** Collections of every version, and their records. */
const BOTH: Readonly<Record<string, { collection: Methods; record: Methods }>> = {
    "public-keys": {
        collection: { GET: publicKeys.list, POST: publicKeys.create, DELETE: publicKeys.removeAll },
        record: { GET: publicKeys.get, DELETE: publicKeys.remove },
    },
    images: {
        collection: { GET: images.list, POST: images.create, DELETE: images.removeAll },
        record: { GET: images.get, PATCH: images.patch, DELETE: images.remove },
    },
    recipes: {
        collection: { GET: recipes.list, POST: recipes.create, DELETE: recipes.removeAll },
        record: { GET: recipes.get, PATCH: recipes.patch, DELETE: recipes.remove },
    },
    jobs: {
        collection: { GET: jobs.list, POST: jobs.create, DELETE: jobs.removeAll },
        record: { GET: jobs.get, PATCH: jobs.patch, DELETE: jobs.remove },
    },
};

/** Deleted records, which only v3 knows. */
const DELETED = Object.entries({ "public-keys": publicKeys, images, recipes }).map(([name, kind]) => ({
    name,
    collection: { GET: kind.listDeleted, DELETE: kind.forgetAll, PATCH: kind.undeleteAll },
    record: { GET: kind.getDeleted, DELETE: kind.forget, PATCH: kind.undelete },
}));

const ROUTES: readonly Route[] = [
    { path: /^\/version$/, methods: { GET: () => ok({ version: VERSION }) }, resource: false },
    { path: /^\/healthz\/(?:ready|live)$/, methods: { GET: EMPTY }, resource: false },
    ...Object.entries(BOTH).flatMap(([name, { collection, record }]) => [
        { path: new RegExp(`^(?:/v[23])?/${name}$`), methods: collection, resource: true },
        { path: new RegExp(`^(?:/v[23])?/${name}/([^/]+)$`), methods: record, resource: true },
    ]),
    ...DELETED.flatMap(({ name, collection, record }) => [
        { path: new RegExp(`^/v3/deleted/${name}$`), methods: collection, resource: true },
        { path: new RegExp(`^/v3/deleted/${name}/([^/]+)$`), methods: record, resource: true },
    ]),
    // The lab's cluster has no nodes for remote builds.
    { path: /^\/v3\/remote-build-nodes(?:\/status)?$/, methods: { GET: NOTHING }, resource: true },
];

/** Answers one request. */
export type ImsApi = (request: ApiRequest) => Promise<ApiResponse>;

/** The service's REST API over `service`, from the raw request to the answer. */
export function createImsApi(service: ImsService): ImsApi {
    return async (request) => {
        const [path = "", search = ""] = request.url.split("?", 2);
        const matched = ROUTES.map((route) => ({ route, match: route.path.exec(path) })).find(
            ({ match }) => match,
        );
        if (!matched?.match) return refusal(noSuchUrl());
        const { route, match } = matched;
        if (request.method === "OPTIONS")
            return allowing(route, { status: 200, headers: {}, body: Buffer.alloc(0) });
        const handler = route.methods[request.method === "HEAD" ? "GET" : request.method];
        if (!handler) return notAllowed(route);
        try {
            return answer(
                await handler({
                    service,
                    id: decodeURIComponent(match[1] ?? ""),
                    query: new URLSearchParams(search),
                    version: path.startsWith("/v3/") ? "v3" : "v2",
                    body: () => readBody(request),
                } satisfies Call),
            );
        } catch (error) {
            return refusal(error);
        }
    };
}

function readBody({ headers, body = Buffer.alloc(0) }: ApiRequest): unknown {
    const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
    if (type !== "application/json" && !/^application\/.+\+json$/.test(type)) {
        throw new FrameworkError(
            415,
            "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.",
        );
    }
    try {
        return JSON.parse(body.toString("utf8")) as unknown;
    } catch {
        throw new FrameworkError(
            400,
            "The browser (or proxy) sent a request that this server could not understand.",
        );
    }
}

function answer({ status, value }: Outcome): ApiResponse {
    if (status === 204)
        return { status, headers: { "content-type": "application/json" }, body: Buffer.alloc(0) };
    return json(status, value);
}

function refusal(error: unknown): ApiResponse {
    if (error instanceof Problem) {
        return { ...json(error.status, error), headers: { "content-type": "application/problem+json" } };
    }
    if (error instanceof FrameworkError) return json(error.status, { message: error.message });
    // As the service hides what it has not thought of, the lab's own defects go to its log.
    process.stderr.write(
        `lab IMS: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return refusal(unhandled());
}

function noSuchUrl(): Problem {
    return new Problem(
        404,
        "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.",
    );
}

function notAllowed(route: Route): ApiResponse {
    const message = "The method is not allowed for the requested URL.";
    const more = route.resource ? { status: 405, title: "Method Not Allowed", detail: message } : {};
    return allowing(route, json(405, { message, ...more }));
}

function allowing({ methods }: Route, response: ApiResponse): ApiResponse {
    const allow = [...Object.keys(methods), "HEAD", "OPTIONS"].sort().join(", ");
    return { ...response, headers: { ...response.headers, allow } };
}

/** An id of any kind of object: EMF's `host-1f2e3d4c`, a UUID, Palette's 24 digits, or the uid of its edge hosts. */
const OBJECT_ID =
    /^(?:[a-z]+-[0-9a-f]{8}|[0-9a-f]{24}|edge-(?!native$).+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const PROJECT_PATH = /^\/v1\/projects\/[^/]+\/?/;

/** How often each call was made since the start or the last reset. */
export interface CallCounts {
    /** Calls of the API, without those to the token endpoint. */
    total: number;
    /** POST, PUT, PATCH and DELETE among them. */
    writes: number;
    /** GET among them. */
    reads: number;
    /** Calls to Keycloak. */
    tokens: number;
    /** By method and route: `POST compute/hosts/register`, `PATCH compute/hosts/{id}`, `GET project`, `POST token`. */
    routes: Record<string, number>;
}

/**
 * A path without what differs from call to call: project and ids. `GET project` is the look-up of the project itself,
 * `POST token` a grant.
 */
export function routeOf(method: string, url: string): string {
    const path = url.split("?", 1)[0] ?? "";
    if (isRealm(path)) {
        return `${method} ${path.endsWith("/token") ? "token" : (path.split("/").pop() ?? "")}`;
    }
    const inProject = path.replace(PROJECT_PATH, "");
    if (inProject === "") {
        return `${method} project`;
    }
    const segments = inProject.split("/").filter((segment) => segment !== "");
    return `${method} ${segments.map((segment) => (OBJECT_ID.test(segment) ? "{id}" : segment)).join("/")}`;
}

/** Keycloak's own paths, with the prefix of a gateway or without. */
function isRealm(url: string): boolean {
    return /^(?:\/keycloak)?\/realms\//.test(url);
}

/** Counts the calls a server gets. */
export class CallCounter {
    private readonly routes = new Map<string, number>();
    private reads = 0;
    private writes = 0;
    private tokens = 0;

    count(method: string, url: string): void {
        const route = routeOf(method, url);
        this.routes.set(route, (this.routes.get(route) ?? 0) + 1);
        if (isRealm(url)) {
            this.tokens += 1;
        } else if (method === "GET") {
            this.reads += 1;
        } else {
            this.writes += 1;
        }
    }

    counts(): CallCounts {
        return {
            total: this.reads + this.writes,
            writes: this.writes,
            reads: this.reads,
            tokens: this.tokens,
            routes: Object.fromEntries([...this.routes].sort(([a], [b]) => (a < b ? -1 : 1))),
        };
    }

    reset(): void {
        this.routes.clear();
        this.reads = 0;
        this.writes = 0;
        this.tokens = 0;
    }
}

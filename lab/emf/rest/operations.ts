import { GatewayError } from "../errors";
import { decodeSegment } from "../../http";
import { API, type Operation } from "./description";

interface Route {
    readonly operation: Operation;
    readonly segments: readonly string[];
}

/** An operation together with the values of the variables in its path, decoded. */
export interface Match {
    readonly operation: Operation;
    readonly path: Readonly<Record<string, string>>;
}

const ROUTES = buildRoutes();

/** Routes by number of segments; those with fewer variables come first, so that `hosts/summary` is no host. */
function buildRoutes(): ReadonlyMap<number, readonly Route[]> {
    const routes = API.operations.map((operation) => ({ operation, segments: operation.path.split("/") }));
    routes.sort((a, b) => variables(a) - variables(b));
    const byLength = new Map<number, Route[]>();
    for (const route of routes) {
        byLength.set(route.segments.length, [...(byLength.get(route.segments.length) ?? []), route]);
    }
    return byLength;
}

function variables({ segments }: Route): number {
    return segments.filter((segment) => segment.startsWith("{")).length;
}

/** The operation a request is for. Unlike in most APIs a wrong method is a 404, too. */
export function findOperation(method: string, pathname: string): Match {
    const segments = pathname.split("/");
    const candidates = (ROUTES.get(segments.length) ?? []).filter((route) => matches(route, segments));
    const first = candidates[0];
    if (!first) throw new GatewayError(404, "no matching operation was found");
    const route = candidates.find(
        ({ operation }) => operation.method === method && operation.path === first.operation.path,
    );
    if (!route) throw new GatewayError(404, "method not allowed");
    return { operation: route.operation, path: bind(route, segments) };
}

function matches(route: Route, segments: readonly string[]): boolean {
    return route.segments.every((part, index) =>
        part.startsWith("{") ? segments[index] !== "" : part === segments[index],
    );
}

function bind(route: Route, segments: readonly string[]): Record<string, string> {
    const bound: Record<string, string> = {};
    for (const [index, part] of route.segments.entries()) {
        if (!part.startsWith("{")) continue;
        const value = decodeSegment(segments[index] ?? "");
        if (value === undefined) throw new GatewayError(404, "no matching operation was found");
        bound[part.slice(1, -1)] = value;
    }
    return bound;
}

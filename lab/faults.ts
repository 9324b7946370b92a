import { routeOf } from "./calls";

/** A fault the lab puts between a client and the API. */
export interface Fault {
    /**
     * Method and the end of the path: `POST regions`, `PATCH compute/hosts/{id}`, `GET compute/hosts`, `POST token`.
     * `*` stands for any method, or for one segment of the path; `*` alone for every call.
     */
    on: string;
    /** Wait, break the connection, or answer with a status. */
    do: "latency" | "reset" | "status";
    /** `"write"`: the call has its effect and only its answer is lost or replaced. Without it the API never sees the call. */
    after?: "write";
    /** Milliseconds, for `latency`. */
    ms?: number;
    /** HTTP status, for `status`. */
    status?: number;
    /** Body for `status`; without one the body EMF answers with this status. */
    body?: unknown;
    /** How many calls it hits; without it all. */
    times?: number;
    /** Hits only each n-th call that matches. */
    every?: number;
    /** Calls that match and still pass, before the first hit. */
    skip?: number;
}

/** A fault as it is listed: with its number and what it has done. */
export interface ActiveFault extends Fault {
    id: number;
    /** Calls that matched `on`. */
    matched: number;
    /** Calls it hit. */
    hits: number;
}

/** What happens to one call. */
export interface FaultPlan {
    delayMs: number;
    /** Instead of the API's own doing. */
    before?: FaultAnswer;
    /** Instead of the API's answer. */
    after?: FaultAnswer;
}

/** The end of a call that a fault has decided. */
export type FaultAnswer = { do: "reset" } | { do: "status"; status: number; body: string };

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "*"];

/** The faults in force, in the order they were added. */
export class FaultList {
    private faults: ActiveFault[] = [];
    private nextId = 1;

    add(fault: Fault): ActiveFault {
        check(fault);
        const active = { ...fault, id: this.nextId++, matched: 0, hits: 0 };
        this.faults.push(active);
        return active;
    }

    list(): readonly ActiveFault[] {
        return this.faults;
    }

    /** Removes one fault, or all. */
    clear(id?: number): void {
        this.faults = id === undefined ? [] : this.faults.filter((fault) => fault.id !== id);
    }

    /** What happens to a call: every latency adds up, the first reset or status on each side wins. */
    plan(method: string, url: string): FaultPlan {
        const route = routeOf(method, url);
        const plan: FaultPlan = { delayMs: 0 };
        for (const fault of this.faults) {
            if (!matches(fault.on, route) || !due(fault)) {
                continue;
            }
            const side = fault.after === "write" ? "after" : "before";
            if (fault.do === "latency") {
                fault.hits += 1;
                plan.delayMs += fault.ms ?? 0;
            } else if (!plan.before && !plan[side]) {
                fault.hits += 1;
                plan[side] = answerOf(fault);
            }
        }
        return plan;
    }
}

/** Whether the pattern of a fault names this route (`routeOf`). */
export function matches(pattern: string, route: string): boolean {
    if (pattern === "*") {
        return true;
    }
    const [method = "", path = ""] = split(pattern);
    const [routeMethod = "", routePath = ""] = split(route);
    if (method !== "*" && method !== routeMethod) {
        return false;
    }
    const wanted = path.split("/").reverse();
    const found = routePath.split("/").reverse();
    return (
        path === "*" ||
        (wanted.length <= found.length &&
            wanted.every((segment, index) => segment === "*" || segment === found[index]))
    );
}

/** Counts the match, and says whether it is one to hit. */
function due(fault: ActiveFault): boolean {
    fault.matched += 1;
    const turn = fault.matched - (fault.skip ?? 0);
    return turn > 0 && turn % (fault.every ?? 1) === 0 && fault.hits < (fault.times ?? Infinity);
}

function split(text: string): string[] {
    const blank = text.indexOf(" ");
    return blank < 0
        ? [text]
        : [
              text.slice(0, blank),
              text
                  .slice(blank + 1)
                  .trim()
                  .replace(/^\//, ""),
          ];
}

function answerOf(fault: Fault): FaultAnswer {
    if (fault.do === "reset") {
        return { do: "reset" };
    }
    const status = fault.status ?? 500;
    return {
        do: "status",
        status,
        body: JSON.stringify(fault.body === undefined ? usualBody(status) : fault.body),
    };
}

/** What EMF's gateway answers with a status that is not the service's own. */
function usualBody(status: number): unknown {
    switch (status) {
        case 401:
            return { message: "Unauthorized" };
        case 403:
            return { message: "Forbidden" };
        case 429:
            // The rate limiter answers a JSON null.
            return null;
        case 503:
            return { message: "request timeout" };
        default:
            return {
                code: status === 500 ? "Internal" : "Unavailable",
                message: "fault injected by the lab",
            };
    }
}

function check(fault: Fault): void {
    const problems: string[] = [];
    const [method = "", path = ""] = split(fault.on);
    // Faults also come as JSON through the control endpoint, so the types promise nothing here.
    const given: Record<string, unknown> = { ...fault };
    if (fault.on !== "*" && (!METHODS.includes(method) || path === "")) {
        problems.push(`on: "${fault.on}" is not a method and a path, like "POST regions"; * stands for any`);
    }
    if (!["latency", "reset", "status"].includes(fault.do)) {
        problems.push(`do: ${JSON.stringify(given.do)} is not one of latency, reset, status`);
    }
    if (given.after !== undefined && given.after !== "write") {
        problems.push(`after: ${JSON.stringify(given.after)} can only be "write"`);
    }
    if (fault.do === "latency" && !isWhole(fault.ms, 0)) {
        problems.push(`ms: latency needs the milliseconds to wait`);
    }
    if (fault.do === "status" && !(isWhole(fault.status, 200) && Number(fault.status) <= 599)) {
        problems.push(`status: a status fault needs an HTTP status, 200 to 599`);
    }
    for (const key of ["times", "every", "skip"] as const) {
        if (fault[key] !== undefined && !isWhole(fault[key], key === "skip" ? 0 : 1)) {
            problems.push(`${key}: ${JSON.stringify(fault[key])} is not a whole number of calls`);
        }
    }
    if (problems.length > 0) {
        throw new Error(
            `This fault cannot be added:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
        );
    }
}

function isWhole(value: number | undefined, least: number): boolean {
    return Number.isInteger(value) && Number(value) >= least;
}

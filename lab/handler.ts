import type * as http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { routeOf, type CallCounter } from "./calls";
import type { FaultAnswer, FaultList } from "./faults";
import type { ApiRequest, ApiResponse } from "./http";

/** Sees every call before and after it has its effect; `"drop"` ends the connection there. */
export type Tap = (side: "before" | "after", route: string) => "drop" | undefined;

/** What stands behind one of the lab's servers. */
export interface HandlerOptions {
    readonly answer: (request: ApiRequest) => Promise<ApiResponse>;
    readonly faults: FaultList;
    readonly calls: CallCounter;
    readonly tap?: Tap;
}

/** A server of the lab: its answers, behind the faults. */
export function createHandler(options: HandlerOptions): http.RequestListener {
    return (request, response) => {
        serve(options, request, response).catch(() => {
            // The client is gone: there is nobody to answer.
            response.destroy();
        });
    };
}

async function serve(
    { answer, faults, calls, tap }: HandlerOptions,
    request: http.IncomingMessage,
    response: http.ServerResponse,
): Promise<void> {
    const apiRequest = await read(request);
    calls.count(apiRequest.method, apiRequest.url);
    const route = routeOf(apiRequest.method, apiRequest.url);
    if (tap?.("before", route) === "drop") {
        response.destroy();
        return;
    }
    const plan = faults.plan(apiRequest.method, apiRequest.url);
    if (plan.delayMs > 0) {
        await sleep(plan.delayMs);
    }
    if (plan.before) {
        end(response, plan.before);
        return;
    }
    const reply = await answer(apiRequest);
    if (tap?.("after", route) === "drop") {
        response.destroy();
        return;
    }
    if (plan.after) {
        end(response, plan.after);
        return;
    }
    send(response, reply);
}

async function read(request: http.IncomingMessage): Promise<ApiRequest> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
        chunks.push(chunk as Buffer);
    }
    const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(", ") : value,
        ]),
    );
    return {
        method: request.method ?? "GET",
        url: request.url ?? "/",
        headers,
        ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
        ...(request.socket.remoteAddress === undefined ? {} : { address: request.socket.remoteAddress }),
    };
}

function end(response: http.ServerResponse, answer: FaultAnswer): void {
    if (answer.do === "reset") {
        response.destroy();
        return;
    }
    send(response, {
        status: answer.status,
        headers: { "content-type": "application/json" },
        body: Buffer.from(`${answer.body}\n`),
    });
}

function send(response: http.ServerResponse, { status, headers, body }: ApiResponse): void {
    response.writeHead(status, { ...headers, "content-length": body.length });
    response.end(body);
}

import { setTimeout as sleep } from "node:timers/promises";

import type { EmfApi } from "./api";
import type { TokenIssuer } from "./auth";

/** A resource as the API answers it. */
export type ApiObject = Record<string, unknown> & { resourceId: string };

/** The name of the list in the answer, where it is not the last part of the path. */
const COLLECTIONS: Readonly<Record<string, string>> = {
    "compute/os": "OperatingSystemResources",
    "os-update-policies": "osUpdatePolicies",
};

/**
 * An operator beside the client under test: makes and changes objects through the same API, inside the process, so
 * that neither faults nor call counts see it. Paths are relative to the project: `regions`, `compute/hosts`.
 */
export class Operator {
    constructor(
        private readonly api: EmfApi,
        private readonly issuer: TokenIssuer,
        private readonly project: string,
        private readonly roles: readonly string[],
    ) {}

    /** All objects of a kind. */
    async list(path: string): Promise<ApiObject[]> {
        const answer = (await this.request("GET", path)) as Record<string, ApiObject[]>;
        const name = COLLECTIONS[path] ?? path.split("/").pop() ?? path;
        const list = answer[name];
        if (!list) {
            throw new Error(`GET ${path} answers no list "${name}", but: ${Object.keys(answer).join(", ")}.`);
        }
        return list;
    }

    async get(path: string, id: string): Promise<ApiObject> {
        return (await this.request("GET", `${path}/${id}`)) as ApiObject;
    }

    async create(path: string, body: object): Promise<ApiObject> {
        return (await this.request("POST", path, body)) as ApiObject;
    }

    async patch(path: string, id: string, body: object): Promise<ApiObject> {
        return (await this.request("PATCH", `${path}/${id}`, body)) as ApiObject;
    }

    async remove(path: string, id: string): Promise<void> {
        await this.request("DELETE", `${path}/${id}`);
    }

    /** Any call; fails with the answer unless that is 200. */
    async request(method: string, path: string, body?: object): Promise<unknown> {
        for (;;) {
            const answer = await this.api({
                method,
                url: `/v1/projects/${encodeURIComponent(this.project)}/${path}`,
                headers: {
                    authorization: `Bearer ${await this.issuer.mint({ roles: this.roles })}`,
                    "content-type": "application/json",
                },
                address: "operator",
                ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
            });
            if (answer.status === 429) {
                await sleep(50);
                continue;
            }
            const text = answer.body.toString("utf8");
            if (answer.status !== 200) {
                throw new Error(`${method} ${path}: ${answer.status} ${text.trim()}`);
            }
            return JSON.parse(text) as unknown;
        }
    }
}

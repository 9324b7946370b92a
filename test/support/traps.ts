import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { startLab, type ApiObject, type Lab, type LabOptions } from "../../lab";
import type { EmfClient } from "../../provider/emf/client";
import { call } from "../contract/lab/client";
import { testContext, type TestContext, type TestContextOptions } from "./context";
import { labClient } from "./emf";

export interface RawAnswer {
    status: number;
    body: Record<string, unknown>;
    text: string;
}

export interface RawOptions {
    /** Default: the lab's first project. */
    project?: string;
    /** Instead of a good token. */
    authorization?: string;
}

/**
 * A lab with a plain HTTP client beside the provider: a test shows first that EMF has the trap, then that the provider
 * does not fall into it.
 */
export class TrapLab implements AsyncDisposable {
    private readonly clients: EmfClient[] = [];

    private constructor(
        readonly lab: Lab,
        private readonly token: string,
    ) {}

    static async start(options: LabOptions = {}): Promise<TrapLab> {
        const lab = await startLab({ images: false, speed: 50, ...options });
        const uids = [lab.emf.project, lab.emf.otherProject].map(
            (name) => lab.emf.store.project(name)?.uid ?? "",
        );
        const roles = uids.flatMap((uid) => [`${uid}_im-r`, `${uid}_im-rw`]);
        return new TrapLab(lab, await lab.emf.issuer.mint({ roles }));
    }

    /** Exactly this request, past the provider; `path` is relative to the project. */
    async raw(method: string, path: string, body?: unknown, options: RawOptions = {}): Promise<RawAnswer> {
        const { endpoint, ca, project } = this.lab.emf;
        const {
            status,
            text,
            body: parsed,
        } = await call(`${endpoint}/v1/projects/${options.project ?? project}/${path}`, ca, {
            method,
            headers: {
                authorization: options.authorization ?? `Bearer ${this.token}`,
                "content-type": "application/json",
            },
            ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        });
        return { status, text, body: parsed };
    }

    /** The same, and EMF takes it. */
    async taken(method: string, path: string, body?: unknown, options?: RawOptions): Promise<ApiObject> {
        const answer = await this.raw(method, path, body, options);
        expect(answer.status, answer.text).to.equal(200);
        return answer.body as ApiObject;
    }

    /** The same, and EMF refuses it. */
    async refused(status: number, method: string, path: string, body?: unknown): Promise<string> {
        const answer = await this.raw(method, path, body);
        expect(answer.status, answer.text).to.equal(status);
        return answer.text;
    }

    client(overrides: Record<string, string> = {}): EmfClient {
        const { client } = labClient(this.lab, overrides, { sleep: () => sleep(5) });
        this.clients.push(client);
        return client;
    }

    /** A row's context in a new run, whose client has seen nothing yet. */
    run(options: Partial<TestContextOptions<EmfClient>> & { project?: string } = {}): TestContext<EmfClient> {
        const { project, ...rest } = options;
        const client = this.client(project === undefined ? {} : { project });
        return testContext({ kind: "emf.Trap", ...rest, client });
    }

    async profile(fields: Record<string, unknown> = {}): Promise<ApiObject> {
        return this.taken("POST", "compute/os", { ...PROFILE, ...fields });
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await Promise.all(this.clients.map((client) => client.close()));
        await this.lab.close();
    }
}

export const SHA = "6f7aef82c1aae6c914a9f173a6be91b0a222027937f5afcc87c2b12a9d71c056";

/** The least that a profile needs. */
export const PROFILE = { sha256: SHA, osType: "OS_TYPE_MUTABLE", osProvider: "OS_PROVIDER_KIND_INFRA" };

export async function failure(promise: Promise<unknown>): Promise<Error> {
    try {
        await promise;
    } catch (error) {
        return error as Error;
    }
    throw new Error("did not fail");
}

export async function eventually(holds: () => Promise<boolean>): Promise<void> {
    for (let i = 0; i < 400; i++) {
        if (await holds()) return;
        await sleep(25);
    }
    throw new Error("did not happen in time");
}

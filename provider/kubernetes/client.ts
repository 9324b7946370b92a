import { HttpClient, type HttpAnswer, type HttpRequest } from "../http/client";
import type { Clock } from "../http/clock";
import { EdgeError } from "../resource/errors";
import { isRecord } from "../resource/unknown";
import { execLogin } from "./execLogin";
import { readKubeconfig, type KubernetesLogin } from "./kubeconfig";

/** How a container has ended, runs, or why it does not start. */
export interface ContainerState {
    readonly terminated?: {
        readonly exitCode: number;
        readonly reason?: string;
        readonly message?: string;
        readonly finishedAt?: string;
    };
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: object;
}

export interface ContainerStatus {
    readonly name: string;
    readonly state?: ContainerState;
}

/** A pod, as far as this package reads it. */
export interface Pod {
    readonly metadata: { readonly name: string };
    readonly spec?: { readonly nodeName?: string };
    readonly status?: {
        readonly phase?: string;
        readonly reason?: string;
        readonly message?: string;
        readonly conditions?: readonly {
            readonly type: string;
            readonly status: string;
            readonly reason?: string;
            readonly message?: string;
        }[];
        readonly initContainerStatuses?: readonly ContainerStatus[];
        readonly containerStatuses?: readonly ContainerStatus[];
    };
}

export interface KubernetesOptions {
    /** Names the file in messages, and where it is set. */
    readonly where: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly clock: Clock;
    readonly signal?: AbortSignal;
}

/**
 * Reads pods and their logs with a kubeconfig. Two calls of a stable API: the official client would bring some fifty
 * packages for them (its 1.x is ESM only, and 0.22, the last that is CommonJS, needs the abandoned `request`).
 */
export class KubernetesClient {
    private constructor(
        private readonly http: HttpClient,
        private readonly token: string | undefined,
    ) {}

    static async open(file: string, options: KubernetesOptions): Promise<KubernetesClient> {
        const { where, env, clock, signal } = options;
        const { server, ca, serverName, login: given } = await readKubeconfig(file);
        const login: KubernetesLogin = "exec" in given ? await execLogin(given.exec, env, signal) : given;
        const { token, certificate, key } = login;
        const http = new HttpClient({
            ...{ system: "Kubernetes", baseUrl: server, env, clock },
            ...(ca === undefined ? {} : { ca }),
            ...(serverName === undefined ? {} : { serverName }),
            ...(certificate === undefined || key === undefined ? {} : { identity: { certificate, key } }),
            advice: { endpoint: `the server in ${where}`, caFile: `certificate-authority in ${where}` },
            secrets: () => (token === undefined ? [] : [token]),
        });
        return new KubernetesClient(http, token);
    }

    /** The pods that a job has made. */
    async podsOfJob(namespace: string, job: string, signal?: AbortSignal): Promise<Pod[]> {
        const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
        const { json } = await this.get({ path, query: { labelSelector: `job-name=${job}` } }, signal);
        if (!isRecord(json) || !Array.isArray(json.items)) {
            throw new EdgeError("Kubernetes: the list of pods is none");
        }
        return json.items as Pod[];
    }

    /** The last lines of what a container has printed. */
    async log(
        {
            namespace,
            pod,
            container,
            lines,
        }: { namespace: string; pod: string; container: string; lines: number },
        signal?: AbortSignal,
    ): Promise<string> {
        const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`;
        const { text } = await this.get({ path, query: { container, tailLines: lines } }, signal);
        return text;
    }

    /** A text without the token. */
    clean(text: string): string {
        return this.http.clean(text);
    }

    async close(): Promise<void> {
        await this.http.close();
    }

    private async get(
        { path, query }: Required<Pick<HttpRequest, "path" | "query">>,
        signal: AbortSignal | undefined,
    ): Promise<HttpAnswer> {
        const request: HttpRequest = {
            ...{ method: "GET", path, query, attempts: 2, headers: { accept: "application/json, */*" } },
            ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
            ...(signal ? { signal } : {}),
        };
        const answer = await this.http.send(request);
        if (answer.status === 200) return answer;
        const says =
            isRecord(answer.json) && typeof answer.json.message === "string"
                ? `: ${answer.json.message}`
                : "";
        throw new EdgeError(
            this.clean(`${this.http.describe(request)} is refused (HTTP ${answer.status})${says}`),
        );
    }
}

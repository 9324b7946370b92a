import { CallCounter } from "../calls";
import type { Identity } from "../certificates";
import { FaultList } from "../faults";
import { keptSecret, writeAtomically, type LabFolder } from "../folder";
import { createHandler } from "../handler";
import { json, plainText, type ApiRequest, type ApiResponse } from "../http";
import { listen, type Listener, type PortBook } from "../server";
import type { PodRecord } from "./jobs/podRecord";

const PODS = /^\/api\/v1\/namespaces\/([^/]+)\/pods(?:\/([^/]+)\/log)?$/;
const NAMESPACE = "ims";

/** The cluster's API, and the file that lets in. */
export async function startCluster(
    folder: LabFolder,
    ports: PortBook,
    identity: Identity,
    pods: () => readonly PodRecord[],
): Promise<Listener> {
    const token = keptSecret(folder.kubernetesToken);
    const answer = createKubernetesApi(pods, token);
    const handler = createHandler({ answer, faults: new FaultList(), calls: new CallCounter() });
    const listener = await listen({ name: "ims-kubernetes", ports, identity, handler });
    const kubeconfig = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": "lab" },
        contexts: [{ name: "lab", context: { cluster: "lab", user: "admin" } }],
        clusters: [
            { name: "lab", cluster: { server: listener.origin, "certificate-authority": folder.caFile } },
        ],
        users: [{ name: "admin", user: { token } }],
    };
    writeAtomically(folder.kubeconfig, `${JSON.stringify(kubeconfig, undefined, 4)}\n`, 0o600);
    return listener;
}

/** The part of it that tells why a pod failed: the list of pods by their job's label, and their logs. */
function createKubernetesApi(
    pods: () => readonly PodRecord[],
    token: string,
): (request: ApiRequest) => Promise<ApiResponse> {
    return ({ method, url, headers }) => {
        if (headers.authorization !== `Bearer ${token}`) {
            return Promise.resolve(failure(401, "Unauthorized", "Unauthorized"));
        }
        const [path = "", search = ""] = url.split("?", 2);
        const [, namespace, name] = PODS.exec(path) ?? [];
        if (method !== "GET" || namespace === undefined) {
            return Promise.resolve(
                failure(404, "NotFound", "the server could not find the requested resource"),
            );
        }
        const query = new URLSearchParams(search);
        const found = namespace === NAMESPACE ? pods() : [];
        return Promise.resolve(name === undefined ? list(found, query) : log(found, name, query));
    };
}

function list(pods: readonly PodRecord[], query: URLSearchParams): ApiResponse {
    const [, job] =
        /^(?:job-name|batch\.kubernetes\.io\/job-name)=(.*)$/.exec(query.get("labelSelector") ?? "") ?? [];
    const items = pods.filter((pod) => job === undefined || pod.job === job);
    return json(200, { kind: "PodList", apiVersion: "v1", items });
}

function log(pods: readonly PodRecord[], name: string, query: URLSearchParams): ApiResponse {
    const pod = pods.find((one) => one.name === name);
    if (!pod) return failure(404, "NotFound", `pods "${name}" not found`);
    const container = query.get("container") ?? "";
    const lines = pod.log(container);
    if (!lines) return failure(400, "BadRequest", `container ${container} is not valid for pod ${name}`);
    const last = Number(query.get("tailLines") ?? lines.length);
    return plainText(
        200,
        lines
            .slice(-last)
            .map((line) => `${line}\n`)
            .join(""),
    );
}

function failure(code: number, reason: string, message: string): ApiResponse {
    return json(code, { kind: "Status", apiVersion: "v1", status: "Failure", message, reason, code });
}

/** The kinds of Kubernetes objects that a job is made of, as the API's paths name them. */
export type KubernetesKind =
    "configmaps" | "services" | "jobs" | "persistentvolumeclaims" | "destinationrules" | "secrets";

/** `POST services` → the status that the Kubernetes API answers with from now on. */
export type KubernetesFaults = Readonly<Record<string, number>>;

const REASONS: Readonly<Record<number, string>> = {
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    500: "Internal Server Error",
    503: "Service Unavailable",
};

/** An error of the Kubernetes API, in the words of its Python client. */
export class KubernetesError extends Error {
    readonly reason: string;

    constructor(readonly status: number) {
        const reason = REASONS[status] ?? "Unknown";
        super(`(${status})\nReason: ${reason}\nHTTP response headers: HTTPHeaderDict({})\n`);
        this.reason = reason;
    }
}

/** The objects the service has made in the cluster: only their existence counts. */
export class Kubernetes {
    readonly #objects = new Set<string>();
    faults: KubernetesFaults = {};

    create(kind: KubernetesKind, name: string): void {
        this.#refuse("POST", kind);
        this.#objects.add(`${kind}/${name}`);
    }

    remove(kind: KubernetesKind, name: string): void {
        this.#refuse("DELETE", kind);
        if (!this.#objects.delete(`${kind}/${name}`)) throw new KubernetesError(404);
    }

    /** `<kind>/<name>` of everything that exists, sorted. */
    list(): string[] {
        return [...this.#objects].sort();
    }

    restore(objects: readonly string[]): void {
        for (const object of objects) this.#objects.add(object);
    }

    #refuse(method: string, kind: KubernetesKind): void {
        const status = this.faults[`${method} ${kind}`];
        if (status !== undefined) throw new KubernetesError(status);
    }
}

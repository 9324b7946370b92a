/** How a container is, in the words of the Kubernetes API. */
type ContainerState =
    | { waiting: { reason: string } }
    | { running: { startedAt: string } }
    | { terminated: { exitCode: number; reason: string; finishedAt: string } };

/** The containers of a job, in the order they start; the first ones are init containers. */
export interface Containers {
    readonly init: readonly string[];
    readonly main: readonly string[];
}

/** Why a pod ends that nobody has ended. */
export type PodEnd = "Unschedulable" | "OOMKilled" | "Evicted";

const NODE = "ncn-w001";

/** A job's pod as the cluster shows it: its containers, how they have ended, and what they have printed. */
export class PodRecord {
    readonly name: string;
    readonly #states = new Map<string, ContainerState>();
    readonly #logs = new Map<string, string[]>();
    #phase = "Pending";
    #node?: string;
    #reason?: { reason: string; message: string };
    #unschedulable?: string;

    constructor(
        readonly job: string,
        private readonly containers: Containers,
    ) {
        this.name = `${job}-x7k2p`;
        for (const name of this.#all()) this.#states.set(name, { waiting: { reason: "PodInitializing" } });
    }

    /** Starts a container; the one before it has ended, unless they run side by side. */
    start(container: string): void {
        this.#node = NODE;
        if (this.containers.main.includes(container)) this.#phase = "Running";
        this.#states.set(container, { running: { startedAt: time() } });
    }

    print(container: string, line: string): void {
        this.#logs.set(container, [...(this.#logs.get(container) ?? []), line]);
    }

    end(container: string, exitCode: number, reason = exitCode === 0 ? "Completed" : "Error"): void {
        this.#states.set(container, { terminated: { exitCode, reason, finishedAt: time() } });
        if (exitCode !== 0) this.#phase = "Failed";
    }

    /** What the cluster does to the pod on its own. */
    strike(how: PodEnd): void {
        if (how === "Unschedulable") {
            this.#unschedulable = "0/3 nodes are available: 3 Insufficient memory.";
            return;
        }
        if (how === "OOMKilled") {
            for (const container of this.running()) this.end(container, 137, "OOMKilled");
            return;
        }
        this.#phase = "Failed";
        this.#reason = {
            reason: "Evicted",
            message: "The node was low on resource: ephemeral-storage.",
        };
    }

    running(): string[] {
        return this.#all().filter((name) => "running" in (this.#states.get(name) ?? {}));
    }

    /** Undefined for a container that the pod does not have. */
    log(container: string): string[] | undefined {
        return this.#all().includes(container) ? (this.#logs.get(container) ?? []) : undefined;
    }

    /** As the API answers it, as far as anybody reads it. */
    toJSON(): object {
        const statuses = (names: readonly string[]): object[] =>
            names.map((name) => ({ name, state: this.#states.get(name) }));
        const scheduled =
            this.#unschedulable === undefined
                ? { type: "PodScheduled", status: "True" }
                : {
                      type: "PodScheduled",
                      status: "False",
                      reason: "Unschedulable",
                      message: this.#unschedulable,
                  };
        return {
            metadata: { name: this.name, labels: { "job-name": this.job } },
            spec: this.#node === undefined ? {} : { nodeName: this.#node },
            status: {
                phase: this.#phase,
                ...this.#reason,
                conditions: [scheduled],
                initContainerStatuses: statuses(this.containers.init),
                containerStatuses: statuses(this.containers.main),
            },
        };
    }

    #all(): string[] {
        return [...this.containers.init, ...this.containers.main];
    }
}

function time(): string {
    return new Date().toISOString();
}

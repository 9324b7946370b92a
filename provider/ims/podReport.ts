import * as path from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import { KubernetesClient, type ContainerStatus, type Pod } from "../kubernetes/client";
import type { ImsJob } from "./api";
import type { ImsClient } from "./client";

/** The whole look; the job has failed already, and its clean-up waits. */
const TIME_LIMIT = 30_000;
const LOG_LINES = 20;
const LONGEST_LINE = 300;
const MOST_LOGS = 2;

/** What a job is called in the cluster. */
type ClusterJob = Pick<ImsJob, "kubernetes_namespace" | "kubernetes_job">;

/**
 * What the cluster knows of a job that failed: why its pod ended or does not start, and the end of what its containers
 * printed. Without a kubeconfig, or where it does not help, a sentence that says so: it never hides the first error.
 */
export async function podReport(job: ClusterJob, context: Context<ImsClient>): Promise<string> {
    const { kubeconfig, advice } = context.client.settings;
    if (kubeconfig === undefined) {
        return `With a kubeconfig (${advice.kubeconfig}) the pod's reason and the end of its log would stand here`;
    }
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(TIME_LIMIT)]);
    try {
        const lines = await lookWith(path.resolve(context.projectDir, kubeconfig), job, context, signal);
        return clean(lines.join("\n"), context);
    } catch (error) {
        context.signal.throwIfAborted();
        const reason = signal.aborted ? `no answer within ${TIME_LIMIT / 1000} s` : messageOf(error);
        return clean(`Why cannot be read from the cluster with ${kubeconfig}: ${reason}`, context);
    }
}

function clean(text: string, { client }: Context<ImsClient>): string {
    return client.clean(stripVTControlCharacters(text));
}

async function lookWith(
    file: string,
    job: ClusterJob,
    context: Context<ImsClient>,
    signal: AbortSignal,
): Promise<string[]> {
    const { kubernetes_namespace: namespace = "ims", kubernetes_job: name = "" } = job;
    const kubernetes = await KubernetesClient.open(file, {
        ...{ where: context.client.settings.kubeconfig ?? file, env: context.settings.env, signal },
        clock: {
            now: () => context.now(),
            sleep: (ms) => context.sleep(ms),
            random: (n) => context.random(n),
        },
    });
    try {
        const pods = await kubernetes.podsOfJob(namespace, name, signal);
        if (pods.length === 0) return [`The cluster has no pod of job ${name} in ${namespace} any more`];
        const lines: string[] = [];
        for (const pod of pods) {
            lines.push(...describePod(pod));
            for (const { name: container } of tellingContainers(pod)) {
                const place = { namespace, pod: pod.metadata.name, container, lines: LOG_LINES };
                const log = await kubernetes
                    .log(place, signal)
                    .catch((error: unknown) => `(${messageOf(error)})`);
                lines.push(`  the end of what ${container} printed:`, ...logLines(log));
            }
        }
        return lines.map((line) => kubernetes.clean(line));
    } finally {
        await kubernetes.close();
    }
}

/** The pod in one line, and each container that has a reason in one of its own. */
export function describePod({ metadata, spec, status = {} }: Pod): string[] {
    const node = spec?.nodeName === undefined ? "" : ` on ${spec.nodeName}`;
    const unmet = (status.conditions ?? []).filter(
        ({ type, status: met }) => type === "PodScheduled" && met === "False",
    );
    const reasons = [status, ...unmet].flatMap(({ reason, message }) => [reason, message]);
    return [
        `Its pod ${metadata.name}${node} is ${[status.phase, ...reasons].filter(isText).join(": ")}`,
        ...containersOf({ metadata, status }).flatMap(describeContainer),
    ];
}

function describeContainer({ name, state = {} }: ContainerStatus): string[] {
    const { terminated, waiting } = state;
    if (terminated && terminated.exitCode !== 0) {
        const more = [terminated.reason, terminated.message].filter(isText).join(": ");
        return [
            `  container ${name} ended with exit code ${terminated.exitCode}${more === "" ? "" : ` (${more})`}`,
        ];
    }
    // Waiting for the one before it is no reason.
    if (waiting?.reason === undefined || waiting.reason === "PodInitializing") return [];
    return [
        `  container ${name} does not start: ${[waiting.reason, waiting.message].filter(isText).join(": ")}`,
    ];
}

/** Those whose log may tell: which have failed, else which has ended last, since scripts of IMS report an error and end well. */
export function tellingContainers(pod: Pod): ContainerStatus[] {
    const ended = containersOf(pod).filter(({ state }) => state?.terminated);
    const failed = ended.filter(({ state }) => state?.terminated?.exitCode !== 0);
    if (failed.length > 0) return failed.slice(0, MOST_LOGS);
    const at = ({ state }: ContainerStatus): string => state?.terminated?.finishedAt ?? "";
    const running = containersOf(pod).filter(({ state }) => state?.running);
    return [...ended.sort((a, b) => (at(a) < at(b) ? 1 : -1)), ...running].slice(0, 1);
}

function containersOf({ status }: Pod): ContainerStatus[] {
    return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function logLines(log: string): string[] {
    const lines = log
        .split("\n")
        .map((line) => line.trimEnd())
        .filter((line) => line !== "");
    if (lines.length === 0) return ["    (nothing)"];
    return lines
        .slice(-LOG_LINES)
        .map((line) => `    ${line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line}`);
}

function isText(text: string | undefined): text is string {
    return text !== undefined && text !== "";
}

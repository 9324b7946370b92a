import { pathToFileURL } from "node:url";
import { isObject, type Value } from "./values";

/** Something that the embedded engine refuses; the message is for the user. */
export class RefusalError extends Error {}

/** A feature that only the real CLI has. */
export function unsupported(what: string): RefusalError {
    return new RefusalError(
        `${what} is not supported by the embedded engine, which runs dynamic resources and components of one Node.js ` +
            "program. Install the Pulumi CLI (https://www.pulumi.com/docs/install/) and run the same command with it.",
    );
}

/** What {@link refuseWhereHarmful} looks at. */
export interface Surroundings {
    env: NodeJS.ProcessEnv;
    /** Folder whose `.pulumi` holds the state. */
    stateDir: string;
    /** `backend.url` of Pulumi.yaml. */
    projectBackend?: string;
    /** The configuration of the stack by full key, secrets decrypted. */
    config: Record<string, string>;
    /** The keys in `config` that are secret. */
    secretKeys: readonly string[];
}

const OVERRIDE = "EDGE_OS_EMBEDDED_ENGINE";

/**
 * Refuses to run where it could do harm: a stack that lives in another backend would be created a second time, and
 * this engine is for the lab, so it goes to real systems only when told to.
 */
export function refuseWhereHarmful(where: Surroundings): void {
    if (where.env[OVERRIDE] === "1") {
        return;
    }
    const problems = [...otherBackends(where), ...remoteEndpoints(where)];
    if (problems.length > 0) {
        throw new RefusalError(
            "the embedded engine does not run here:\n" +
                problems.map((problem) => `  - ${problem}\n`).join("") +
                `Install the Pulumi CLI, or set ${OVERRIDE}=1 to use the embedded engine and its own state in ` +
                `${where.stateDir} nevertheless.`,
        );
    }
}

function otherBackends(where: Surroundings): string[] {
    const problems: string[] = [];
    const { PULUMI_BACKEND_URL: url, PULUMI_ACCESS_TOKEN: token } = where.env;
    if (url !== undefined && url !== "" && !isSameBackend(url, where.stateDir)) {
        problems.push(`PULUMI_BACKEND_URL names another backend (${withoutCredentials(url)})`);
    }
    if (token !== undefined && token !== "") {
        problems.push("PULUMI_ACCESS_TOKEN is set: the stack's state is expected in Pulumi Cloud");
    }
    const project = where.projectBackend;
    if (project !== undefined && !isSameBackend(project, where.stateDir)) {
        problems.push(`the project's "backend" names another backend (${withoutCredentials(project)})`);
    }
    return problems;
}

function isSameBackend(url: string, stateDir: string): boolean {
    const strip = (text: string): string => text.replace(/\?.*$/, "").replace(/\/+$/, "");
    return [pathToFileURL(stateDir).href, `file://${stateDir}`].some((own) => strip(own) === strip(url));
}

function withoutCredentials(url: string): string {
    return url.replace(/\/\/[^/@]*@/, "//").replace(/\?.*$/, "");
}

function remoteEndpoints(where: Surroundings): string[] {
    const problems: string[] = [];
    for (const [key, text] of Object.entries(where.config)) {
        if (!key.startsWith("edge-os:")) {
            continue;
        }
        for (const { path, value } of endpointsIn(parseConfigValue(text), key)) {
            if (!isLoopback(value)) {
                const shown = where.secretKeys.includes(key) ? "a secret" : withoutCredentials(value);
                problems.push(`configuration ${path} is not on this machine (${shown})`);
            }
        }
    }
    for (const [name, value] of Object.entries(where.env)) {
        if (
            /^EDGE_OS_(.*_)?ENDPOINT$/.test(name) &&
            value !== undefined &&
            value !== "" &&
            !isLoopback(value)
        ) {
            problems.push(`${name} is not on this machine (${withoutCredentials(value)})`);
        }
    }
    return problems;
}

function parseConfigValue(text: string): Value {
    try {
        return JSON.parse(text) as Value;
    } catch {
        return text;
    }
}

function* endpointsIn(value: Value, path: string): Generator<{ path: string; value: string }> {
    if (Array.isArray(value)) {
        for (const [index, item] of value.entries()) {
            yield* endpointsIn(item, `${path}[${index}]`);
        }
        return;
    }
    if (!isObject(value)) {
        // A plain key of its own: `edge-os:endpoint`, or `edge-os:emf-endpoint`.
        if (typeof value === "string" && /endpoint$/i.test(path)) {
            yield { path, value };
        }
        return;
    }
    for (const [key, item] of Object.entries(value)) {
        yield* endpointsIn(item, `${path}.${key}`);
    }
}

/** Whether a URL (or a bare host with an optional port) names this machine. */
export function isLoopback(endpoint: string): boolean {
    let host: string;
    try {
        host = new URL(endpoint.includes("://") ? endpoint : `https://${endpoint}`).hostname;
    } catch {
        return false;
    }
    const bare = host.replace(/^\[|\]$/g, "").replace(/\.$/, "");
    return (
        bare === "localhost" || bare.endsWith(".localhost") || bare === "::1" || /^127(\.\d+){3}$/.test(bare)
    );
}

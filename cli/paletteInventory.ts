import type { EdgeHostSummary } from "../provider/palette/api";
import { PALETTE_CLAIM_KEY } from "../provider/palette/claims";
import { decodeLabels } from "../provider/palette/labels";
import { parseWords, type Command, type ExitCode } from "./command";
import { PALETTE_CONNECTION_HELP, PALETTE_OPTIONS, withPalette } from "./paletteConnection";
import { count, formatTable, tally } from "./table";

const HELP = `usage: edge-os palette inventory [--json] [--project NAME] [--config FILE] [--connection NAME]

Lists the edge hosts of a project: state, health, version of the agent, addresses, hardware, and the clusters they are
members of. --json has names, labels and reasons as well, and the claim of the stack that manages a host.

${PALETTE_CONNECTION_HELP}`;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const { flags } = parseWords(words, { json: { type: "boolean" }, ...PALETTE_OPTIONS } as const, []);
        return withPalette<ExitCode>(flags, terminal, async (client) => {
            const project = flags.project ?? client.settings.project;
            const { projectUid } = await client.project(project);
            const listed = await client.listedEdgeHosts(projectUid, { maxAge: 0 });
            const hosts = [...listed.values()].map(lineOf).sort((a, b) => (a.uid < b.uid ? -1 : 1));
            terminal.out(
                flags.json
                    ? `${JSON.stringify({ project, endpoint: client.endpoint, hosts }, undefined, 4)}\n`
                    : `${asText(hosts, project)}\n`,
            );
            return 0;
        });
    },
};

interface Line {
    uid: string;
    name: string;
    labels: Record<string, string>;
    /** `unpaired`, `ready` or `in-use`. */
    state: string;
    /** Empty before the machine has paired. */
    health: string;
    reason: string;
    agentVersion: string;
    addresses: string[];
    macAddresses: string[];
    architecture: string;
    cores: number | null;
    memoryMb: number | null;
    os: string;
    clusters: string[];
    /** Of the Pulumi stack that manages the host; empty for nobody's. */
    claim: string;
}

function lineOf({ metadata, spec, status }: EdgeHostSummary): Line {
    const { [PALETTE_CLAIM_KEY]: claim = "", ...labels } = metadata.labels ?? {};
    const { archType = "", nics, cpu, memory, os } = spec?.device ?? {};
    const { health } = status ?? {};
    return {
        uid: metadata.uid ?? "",
        name: metadata.name ?? "",
        labels: decodeLabels(labels),
        state: status?.state ?? "",
        health: health?.state ?? "",
        reason: health?.message ?? "",
        agentVersion: health?.agentVersion ?? "",
        addresses: distinct([spec?.host?.hostAddress, ...(nics ?? []).map(({ ip }) => ip)]),
        macAddresses: distinct([spec?.host?.macAddress, ...(nics ?? []).map(({ macAddr }) => macAddr)]),
        architecture: archType,
        cores: cpu?.cores ?? null,
        memoryMb: memory?.sizeInMB ?? null,
        os: [os?.family, os?.version].filter(Boolean).join(" "),
        clusters: (status?.inUseClustersRef ?? []).map(({ name, uid }) => name ?? uid ?? ""),
        claim,
    };
}

function distinct(texts: readonly (string | undefined)[]): string[] {
    return [...new Set(texts.filter((text) => text !== undefined && text !== ""))] as string[];
}

function asText(hosts: readonly Line[], project: string): string {
    if (hosts.length === 0) return `project ${project} has no edge hosts`;
    const rows = hosts.map((host) => [
        host.name === host.uid || host.name === "" ? host.uid : `${host.uid} (${host.name})`,
        host.state || "-",
        [host.health || "-", host.reason].filter(Boolean).join(": "),
        host.agentVersion || "-",
        host.addresses.join(" ") || "-",
        hardwareOf(host),
        host.clusters.join(", ") || "-",
    ]);
    const states = tally(hosts.map(({ state, health }) => [state, health].filter(Boolean).join(" ")));
    return [
        formatTable(["HOST", "STATE", "HEALTH", "AGENT", "ADDRESSES", "HARDWARE", "CLUSTER"], rows),
        "",
        `${count(hosts.length, "host")} in project ${project}: ` +
            states.map(([state, times]) => `${times} ${state}`).join(", "),
    ].join("\n");
}

function hardwareOf({ architecture, cores, memoryMb, os }: Line): string {
    const parts = [
        architecture,
        cores === null ? "" : count(cores, "core"),
        memoryMb === null ? "" : `${Math.round(memoryMb / 1024)} GiB`,
        os,
    ];
    return parts.filter((part) => part !== "").join(", ") || "-";
}

import type { HostResource } from "../provider/emf/api";
import type { EmfClient } from "../provider/emf/client";
import { deviceLabel } from "../provider/emf/hostRules";
import { claimOf } from "../provider/emf/placeMetadata";
import { parseWords, type Command, type ExitCode } from "./command";
import { CONNECTION_OPTIONS } from "./connection";
import { CONNECTION_HELP, withEmf } from "./emfConnection";
import { shownState, stateOf, type HostPhase } from "./hostState";
import { count, formatTable, tally } from "./table";

const HELP = `usage: edge-os emf inventory [--json] [--config FILE] [--connection NAME]

Lists the hosts of the project: device, site, OS profile, digest of its image, and state in words. --json has the
whole digests, ids, and the claim of the stack that manages a host.

${CONNECTION_HELP}`;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const options = { json: { type: "boolean" }, ...CONNECTION_OPTIONS } as const;
        const { flags } = parseWords(words, options, []);
        return withEmf<ExitCode>(flags, terminal, async (client) => {
            const hosts = await inventory(client);
            const { project } = client.settings;
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
    hostId: string;
    name: string;
    serial: string;
    uuid: string;
    site: { id: string; name: string } | null;
    osProfile: { id: string; name: string } | null;
    sha256: string;
    securityFeature: string;
    phase: HostPhase;
    state: string;
    /** Of the Pulumi stack that manages the host; empty for nobody's. */
    claim: string;
}

async function inventory(client: EmfClient): Promise<Line[]> {
    const hosts = await client.list("hosts");
    return hosts.map(lineOf).sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

function lineOf(host: HostResource): Line {
    const { instance, site } = host;
    const os = instance?.os;
    const { phase, text } = stateOf(host);
    return {
        hostId: host.resourceId,
        name: host.name,
        serial: host.serialNumber,
        uuid: host.uuid,
        site: site && site.resourceId !== "" ? { id: site.resourceId, name: site.name } : null,
        osProfile: os ? { id: os.resourceId, name: os.name } : null,
        sha256: os?.sha256 ?? "",
        securityFeature: instance?.securityFeature ?? "",
        phase,
        state: text,
        claim: claimOf(host.metadata) ?? "",
    };
}

function sortKey({ serial, uuid, hostId }: Line): string {
    return `${deviceLabel({ serial: serial || undefined, uuid: uuid || undefined })} ${hostId}`;
}

const SHOWN_DIGITS = 12;

function asText(hosts: readonly Line[], project: string): string {
    if (hosts.length === 0) return `project ${project} has no hosts`;
    const rows = hosts.map((host) => [
        host.name === host.hostId || host.name === "" ? host.hostId : `${host.hostId} ${host.name}`,
        host.serial || "-",
        host.uuid || "-",
        host.site ? host.site.name || host.site.id : "-",
        host.osProfile ? host.osProfile.name || host.osProfile.id : "-",
        host.sha256.slice(0, SHOWN_DIGITS) || "-",
        shownState({ phase: host.phase, text: host.state }).replace(/\s+/g, " "),
    ]);
    const phases = tally(hosts.map(({ phase }) => phase)).map(([phase, times]) => `${times} ${phase}`);
    return [
        formatTable(["HOST", "SERIAL", "UUID", "SITE", "OS PROFILE", "SHA256", "STATE"], rows),
        "",
        `${count(hosts.length, "host")} in project ${project}: ${phases.join(", ")}`,
    ].join("\n");
}

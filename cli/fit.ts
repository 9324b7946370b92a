import type { HostResource } from "../provider/emf/api";
import type { EmfClient } from "../provider/emf/client";
import { type ImageCheck } from "../provider/image/check";
import { fitHost } from "../provider/image/fit";
import type { ImageManifest } from "../provider/image/manifest";
import { parseWords, type Command, UsageError } from "./command";
import { readImageOrManifest } from "./diff";
import { CONNECTION_OPTIONS } from "./connection";
import { CONNECTION_HELP, withEmf } from "./emfConnection";
import { findHost } from "./explainHost";
import { imageLibrary } from "./imageLibrary";
import { count, formatTable } from "./table";

const HELP = `usage: edge-os fit IMAGE|MANIFEST [--host HOST]… [--pci ID]… [--json] [--config FILE] [--connection NAME]

Tells for each host of the project whether it will install an image and find its hardware then: architecture, size and
controller of the disk, Secure Boot, network and graphics devices. Exit code 1 when one does not fit.

  --host HOST   only this one: serial number, UUID or id; once for each
  --pci ID      a device that the hosts have, vendor:device in hexadecimal (lspci -n), for example 8086:15f3; once for
                each. EMF reports where network devices sit and not what they are, so only this tells

${CONNECTION_HELP}`;

const OPTIONS = {
    host: { type: "string", multiple: true },
    pci: { type: "string", multiple: true },
    json: { type: "boolean" },
    ...CONNECTION_OPTIONS,
} as const;

const PCI_ID = /^[0-9a-f]{4}:[0-9a-f]{4}(:[0-9a-f]{6})?$/i;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const { flags, given } = parseWords(words, OPTIONS, ["IMAGE"]);
        const pciIds = flags.pci ?? [];
        const wrong = pciIds.find((id) => !PCI_ID.test(id));
        if (wrong !== undefined)
            throw new UsageError(`--pci ${wrong} must be vendor:device, for example 8086:15f3`);
        const manifest = await readImageOrManifest(given.IMAGE, imageLibrary(flags, terminal), terminal);
        return withEmf(flags, terminal, async (client) => {
            const hosts = flags.host ? await named(flags.host, client) : await client.list("hosts");
            const fits = hosts.map((host) => lineOf(host, manifest, pciIds)).sort(byDevice);
            const { project } = client.settings;
            terminal.out(
                flags.json
                    ? `${JSON.stringify({ project, image: manifest.image, hosts: fits }, undefined, 4)}\n`
                    : `${asText(fits, project, manifest)}\n`,
            );
            return fits.some(({ verdict }) => verdict === "does not fit") ? 1 : 0;
        });
    },
};

function named(texts: readonly string[], client: EmfClient): Promise<HostResource[]> {
    return Promise.all(texts.map((text) => findHost(text, client)));
}

interface Line {
    hostId: string;
    serial: string;
    uuid: string;
    verdict: "fits" | "does not fit" | "not known";
    checks: ImageCheck[];
}

function lineOf(host: HostResource, manifest: ImageManifest, pciIds: readonly string[]): Line {
    const checks = fitHost(manifest, { ...host, pciIds });
    const { resourceId: hostId, serialNumber: serial, uuid } = host;
    return { hostId, serial, uuid, verdict: verdictOf(checks), checks };
}

/** Without a disk to judge, nothing is known; a device that cannot be told leaves a host that fits as far as is known. */
function verdictOf(checks: readonly ImageCheck[]): Line["verdict"] {
    if (checks.some(({ verdict }) => verdict === "failed")) return "does not fit";
    const disk = checks.find(({ id }) => id === "fit.disk");
    return disk?.verdict === "passed" ? "fits" : "not known";
}

function byDevice(a: Line, b: Line): number {
    return `${a.serial} ${a.uuid}` < `${b.serial} ${b.uuid}` ? -1 : 1;
}

function asText(hosts: readonly Line[], project: string, { image }: ImageManifest): string {
    if (hosts.length === 0) return `project ${project} has no hosts`;
    const rows = hosts.flatMap(({ hostId, serial, uuid, verdict, checks }) => {
        const failed = checks.filter((check) => check.verdict === "failed");
        const unknown = checks.filter((check) => check.verdict === "not-checked");
        const [first = "", ...more] = [
            ...failed.map(({ id, message, seen }) => `${id}: ${message} (${seen})`),
            ...(unknown.length > 0 ? [`not known: ${unknown.map(({ id }) => id).join(", ")}`] : []),
        ];
        return [[hostId, serial || uuid || "-", verdict, first], ...more.map((text) => ["", "", "", text])];
    });
    const fitting = hosts.filter(({ verdict }) => verdict === "fits").length;
    return [
        formatTable(["HOST", "DEVICE", "VERDICT", ""], rows),
        "",
        `${image.fileName}: fits ${fitting} of ${count(hosts.length, "host")} in project ${project}`,
    ].join("\n");
}

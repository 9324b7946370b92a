import type { HostResource } from "../provider/emf/api";
import type { EmfClient } from "../provider/emf/client";
import { describeHost } from "../provider/emf/device";
import { sameText, UUID } from "../provider/emf/hostRules";
import { isId } from "../provider/emf/references";
import { EdgeError } from "../provider/resource/errors";
import type { ExitCode, Terminal } from "./command";
import { explain, type Match } from "./explanations";
import { asJson, matchText } from "./explanationText";
import { shownState, stateOf } from "./hostState";

/** One status of a host as EMF shows it. */
interface Status {
    field: string;
    text: string;
    /** `error`, `in progress`, `idle`, or empty where nothing was reported. */
    indicator: string;
    /** When it was reported; absent where never. */
    since?: string;
    explanations: Match[];
}

/** Reads a host's statuses, and explains those that are not as they should be. */
export async function explainHost(
    text: string,
    client: EmfClient,
    json: boolean,
    terminal: Terminal,
): Promise<ExitCode> {
    const host = await findHost(text, client);
    const { text: state, phase } = stateOf(host);
    const statuses = statusesOf(host);
    if (json) {
        const explained = statuses.map((status) => ({
            ...status,
            explanations: status.explanations.map(asJson),
        }));
        const content = { hostId: host.resourceId, serial: host.serialNumber, uuid: host.uuid, phase, state };
        terminal.out(
            `${JSON.stringify({ ...content, note: host.note, statuses: explained }, undefined, 4)}\n`,
        );
        return 0;
    }
    terminal.out(`${describeHost(host)}: ${shownState({ phase, text: state })}\n`);
    if (host.note !== "") terminal.out(`  note: ${host.note}\n`);
    const width = Math.max(...statuses.map(({ field }) => field.length));
    for (const { field, text: status, indicator, since } of statuses) {
        const details = [indicator, since].filter(Boolean).join(", ");
        terminal.out(`  ${field.padEnd(width)}  ${status || "-"}${details === "" ? "" : `  (${details})`}\n`);
    }
    const telling = tellingOf(statuses);
    terminal.out(
        telling.length === 0 ? "\nNothing needs to be done.\n" : `\n${telling.map(matchText).join("\n\n")}\n`,
    );
    return 0;
}

/** The one host that a serial number, a UUID or an id names. */
export async function findHost(text: string, client: EmfClient): Promise<HostResource> {
    const hosts = isId("hosts", text)
        ? [await client.get("hosts", text)].filter((host) => host !== undefined)
        : (await client.list("hosts")).filter((host) =>
              UUID.test(text)
                  ? sameText(host.uuid, text)
                  : sameText(host.serialNumber, text) || host.name === text,
          );
    const [host] = hosts;
    const where = `in project ${JSON.stringify(client.settings.project)} at ${client.endpoint}`;
    if (!host) {
        throw new EdgeError(
            `there is no host ${JSON.stringify(text)} ${where}, by id, serial number, UUID or name; and the ` +
                "platform has no status of this text",
        );
    }
    if (hosts.length > 1) {
        throw new EdgeError(
            `${hosts.length} hosts ${where} fit ${JSON.stringify(text)}: ${hosts.map(describeHost).join("; ")}; give the id`,
        );
    }
    return host;
}

function statusesOf(host: HostResource): Status[] {
    const { instance } = host;
    const rows: [field: string, text: string, indicator: string, timestamp?: number][] = [
        [
            "registration",
            host.registrationStatus,
            host.registrationStatusIndicator,
            host.registrationStatusTimestamp,
        ],
        ["onboarding", host.onboardingStatus, host.onboardingStatusIndicator, host.onboardingStatusTimestamp],
        ["host", host.hostStatus, host.hostStatusIndicator, host.hostStatusTimestamp],
    ];
    if (instance) {
        const { provisioningStatus, provisioningStatusIndicator, provisioningStatusTimestamp } = instance;
        rows.splice(2, 0, [
            "provisioning",
            provisioningStatus,
            provisioningStatusIndicator,
            provisioningStatusTimestamp,
        ]);
        const { instanceStatus, instanceStatusDetail, instanceStatusIndicator } = instance;
        const detail = instanceStatusDetail === "" ? "" : `: ${instanceStatusDetail}`;
        rows.push(["instance", instanceStatus + detail, instanceStatusIndicator]);
    }
    return rows.map(([field, text, indicator, timestamp = 0]) => ({
        field,
        text,
        indicator: wordsOf(indicator),
        ...(timestamp > 0 ? { since: new Date(timestamp * 1000).toISOString().slice(0, 19) + "Z" } : {}),
        explanations: explain(field === "instance" ? (instance?.instanceStatus ?? "") : text),
    }));
}

function wordsOf(indicator: string): string {
    const word = indicator.replace("STATUS_INDICATION_", "").replaceAll("_", " ").toLowerCase();
    return word === "unspecified" ? "" : word;
}

/**
 * An error counts before everything else. Without one, the first phase that has not come to its end is what the host
 * waits for; the later ones wait for that.
 */
function tellingOf(statuses: readonly Status[]): Match[] {
    const failed = statuses.filter(({ indicator }) => indicator === "error");
    const open = statuses.find(({ indicator, field }) => indicator !== "idle" && field !== "registration");
    const chosen = failed.length > 0 ? failed : open ? [open] : [];
    return chosen.flatMap(({ explanations }) => explanations.slice(0, 3));
}

import * as os from "node:os";
import { NoAnswer } from "../../http/failure";
import { RegistryClient } from "../../oci/client";
import { parseReference } from "../../oci/reference";
import type { Host } from "../../resource/context";
import { EdgeError, UnavailableHere } from "../../resource/errors";
import { ImageError } from "../check";
import { type Publication, publishedUrl } from "../diskImage.publish";
import type { ImageSettings } from "../settings";
import { WebClient } from "../source/webClient";
import type { PublishedFile } from "./publisher";

/** What somebody without a login gets. `cannot-tell`: the place does not answer here. */
export type Openness =
    { state: "open"; url: string } | { state: "closed" } | { state: "cannot-tell"; why: string };

interface Asker {
    settings: ImageSettings;
    host: Host;
    signal: AbortSignal;
}

/** Asks for a published file as anybody could, under every address that it has. */
export async function openness(
    publish: Publication,
    { file, content }: { file: PublishedFile; content: Buffer },
    asker: Asker,
): Promise<Openness> {
    let silent: Openness | undefined;
    for (const url of addressesOf(publish, file)) {
        try {
            const isOpen = url.startsWith("oci:")
                ? await isPulled(url, asker)
                : await isRead(url, content, asker);
            if (isOpen) return { state: "open", url };
        } catch (error) {
            asker.signal.throwIfAborted();
            if (!(error instanceof UnavailableHere)) throw error;
            silent = { state: "cannot-tell", why: error.message };
        }
    }
    return silent ?? { state: "closed" };
}

/** A bucket answers under its own address, too, whatever stands before it. */
function addressesOf(publish: Publication, file: PublishedFile): string[] {
    const url = publishedUrl(publish, file);
    if (!("s3" in publish) || publish.s3.baseUrl === undefined) return [url];
    const direct = publishedUrl({ s3: { ...publish.s3, baseUrl: undefined } }, file);
    return direct.startsWith("https:") ? [url, direct] : [url];
}

async function isRead(url: string, content: Buffer, { settings, host, signal }: Asker): Promise<boolean> {
    const nobody = new WebClient({ ...settings, credentials: () => undefined }, host);
    try {
        const answer = await nobody.open(new URL(url), {}, signal);
        // A page to log in with is an answer, too, but another one.
        const parts: Buffer[] = [];
        let length = 0;
        for await (const chunk of answer.stream) {
            parts.push(chunk as Buffer);
            length += (chunk as Buffer).length;
            if (length > content.length) break;
        }
        return Buffer.concat(parts).equals(content);
    } catch (error) {
        if (isRefusal(error)) return false;
        throw error;
    }
}

async function isPulled(url: string, { settings, host, signal }: Asker): Promise<boolean> {
    const read = parseReference(url);
    if (!read?.digest) throw new Error(`no digest: ${url}`);
    const { registry, repository, digest } = read;
    const ca = settings.ca();
    const nobody = new RegistryClient(
        {
            ...{ registry, ...(ca === undefined ? {} : { ca }) },
            advice: { endpoint: "publish.oci", caFile: settings.whereCa, credentials: "none" },
        },
        { ...host, env: { ...host.env, ...NO_LOGINS } },
    );
    try {
        return (await nobody.headManifest(repository, digest, { signal })) !== undefined;
    } catch (error) {
        if (isRefusal(error)) return false;
        throw error;
    }
}

/** A login is asked for, or nothing is told of what is there. */
function isRefusal(error: unknown): boolean {
    if (error instanceof UnavailableHere) return !(error instanceof NoAnswer);
    return error instanceof EdgeError || error instanceof ImageError;
}

/** Places of a login that hold none. */
const NO_LOGINS = {
    ...{ HOME: os.devNull, DOCKER_CONFIG: os.devNull },
    ...{ REGISTRY_AUTH_FILE: undefined, XDG_RUNTIME_DIR: undefined },
};

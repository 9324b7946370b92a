import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, type Checked, type Unknown } from "../resource/unknown";
import { probeImage, type Seen } from "./imageProbe";
import { isRelative } from "./imageUrl";
import type { OsProfileInputs } from "./osProfile.schema";
import { probeFromSite } from "./siteProbe";

type Inputs = Checked<OsProfileInputs>;

const FROM_HERE = "seen from here only: hosts at their sites may see it otherwise (proxy, firewall, DNS)";
/** What a disk image may be called, or not at all; a page is a login form or a listing. */
const PAGE = /^(text\/|application\/(json|xml|xhtml))/i;

/**
 * Looks whether the image is served: as far as this machine can tell, and as a machine at a site sees it, when one is
 * named. What the server answers here fails a profile that is being made, unless it is served to the site; an existing
 * profile has done its work, and of it everything is only said.
 */
export async function checkServedImage(
    inputs: Inputs,
    certificate: string | undefined | Unknown,
    context: Context<unknown>,
    state: Partial<OsProfileInputs> | undefined,
): Promise<Problem[]> {
    const { imageUrl: url, imageFormat, imageSizeBytes } = inputs;
    if (!isKnown(url) || !isKnown(certificate) || isRelative(url) || !URL.canParse(url)) return [];
    const exists = state?.imageUrl === url;
    const size = isKnown(imageSizeBytes) ? imageSizeBytes : undefined;
    const seen = await probeImage(new URL(url), certificate, context.signal);
    // The image that this run is going to publish cannot be there in its preview.
    const published = imageFormat !== undefined || imageSizeBytes !== undefined;
    if (context.preview && published && seen.answer === "refused" && !isPassing(seen.status)) return [];

    const site = await seenFromSite(new URL(url), certificate, inputs, context);
    const there = site?.seen && fault(site.seen, size);
    if (there) context.log.warn(`${url} ${there.text} (seen from ${site.from})`);
    const served = site?.seen !== undefined && !there;
    if (context.preview && served) context.log.info(`${url} is served to ${site.from}`);

    // A rotated pin of the server's own certificate has been said already.
    if (seen.answer === "untrusted" && exists && inputs.tlsCaCert === undefined) return [];
    const here = fault(seen, size);
    if (!here) {
        if (context.preview && !exists && !site?.seen) context.log.info(`${url} is served (${FROM_HERE})`);
        return [];
    }
    // What only this machine cannot see is nothing that hosts would miss.
    if (served && !here.proven) return [];
    const place = site?.seen ? "seen from here" : FROM_HERE;
    const message = `${here.text} (${served ? `seen from here, but it is served to ${site.from}` : place})`;
    if (!here.proven || exists || served) {
        context.log.warn(`${url} ${message}`);
        return [];
    }
    return [{ path: ["imageUrl"], message }];
}

interface FromSite {
    from: string;
    /** Undefined when the site could not be asked. */
    seen?: Seen;
}

/** Undefined where no machine at a site is named. That it cannot be asked is said, and is no failure. */
async function seenFromSite(
    url: URL,
    certificate: string | undefined,
    inputs: Inputs,
    context: Context<unknown>,
): Promise<FromSite | undefined> {
    const { probeFrom: from, connection } = inputs;
    if (!isKnown(from) || from === undefined) return undefined;
    try {
        const named = isKnown(connection) ? connection : undefined;
        return { from, seen: await probeFromSite(url, certificate, from, context, named) };
    } catch (error) {
        if (!(error instanceof EdgeError)) throw error;
        context.log.warn(`${url.href} could not be looked at from ${from}: ${error.message}`);
        return { from };
    }
}

/** Trouble that a server may get over by itself. */
function isPassing(status: number): boolean {
    return status >= 500 || status === 429 || status === 408;
}

/** `proven`: the server itself has said so; the rest may be due to this machine's place in the network. */
function fault(seen: Seen, size: number | undefined): { text: string; proven: boolean } | undefined {
    switch (seen.answer) {
        case "none":
            return {
                text: `cannot be reached, so it is not known whether it is served: ${seen.reason}`,
                proven: false,
            };
        case "untrusted":
            return {
                text: `is on a server that hosts would not trust with this certificate: ${seen.reason}`,
                proven: false,
            };
        case "redirected":
            return {
                text: `is redirected to ${seen.to}: give the address that answers itself, over https`,
                proven: false,
            };
        case "refused": {
            const proven = !isPassing(seen.status);
            const advice = proven ? ": publish it there first, readable without a login" : "";
            return { text: `is answered with HTTP ${seen.status}${advice}`, proven };
        }
        case "served":
            if (PAGE.test(seen.contentType ?? "")) {
                return {
                    text: `is answered with a page (${seen.contentType ?? ""}), not with a disk image`,
                    proven: true,
                };
            }
            if (size !== undefined && seen.size !== undefined && seen.size !== size) {
                const text = `has ${seen.size} bytes there, but the image has ${size}: publish it again`;
                return { text, proven: true };
            }
            return undefined;
    }
}

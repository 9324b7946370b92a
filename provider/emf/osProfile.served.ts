import type { Context } from "../resource/context";
import type { Problem } from "../resource/problem";
import { isKnown, type Checked, type Unknown } from "../resource/unknown";
import { probeImage, type Seen } from "./imageProbe";
import { isRelative } from "./imageUrl";
import type { OsProfileInputs } from "./osProfile.schema";

type Inputs = Checked<OsProfileInputs>;

const FROM_HERE = "seen from here only: hosts at their sites may see it otherwise (proxy, firewall, DNS)";
/** What a disk image may be called, or not at all; a page is a login form or a listing. */
const PAGE = /^(text\/|application\/(json|xml|xhtml))/i;

/**
 * Looks whether the image is served, as far as this machine can tell. What it answers fails a profile that is being
 * made; an existing one has done its work, and only says so.
 */
export async function checkServedImage(
    inputs: Inputs,
    certificate: string | undefined | Unknown,
    context: Context<unknown>,
    state: Partial<OsProfileInputs> | undefined,
): Promise<Problem[]> {
    const { imageUrl: url, imageFormat, imageSizeBytes: size } = inputs;
    if (!isKnown(url) || !isKnown(certificate) || isRelative(url) || !URL.canParse(url)) return [];
    const exists = state?.imageUrl === url;
    const seen = await probeImage(new URL(url), certificate, context.signal);
    // A rotated pin of the server's own certificate has been said already.
    if (seen.answer === "untrusted" && exists && inputs.tlsCaCert === undefined) return [];
    const finding = fault(seen, isKnown(size) ? size : undefined);
    if (!finding) return [];

    const { text, proven } = finding;
    const message = `${text} (${FROM_HERE})`;
    if (!proven || exists) {
        context.log.warn(`${url} ${message}`);
        return [];
    }
    // The image that this run is going to publish cannot be there in its preview.
    const published = imageFormat !== undefined || size !== undefined;
    if (context.preview && published && seen.answer === "refused") return [];
    return [{ path: ["imageUrl"], message }];
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
            const passing = seen.status >= 500 || seen.status === 429 || seen.status === 408;
            const advice = passing ? "" : ": publish it there first, readable without a login";
            return { text: `is answered with HTTP ${seen.status}${advice}`, proven: !passing };
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

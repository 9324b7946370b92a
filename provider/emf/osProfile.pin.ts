import type { Context } from "../resource/context";
import { messageOf, UnavailableHere } from "../resource/errors";
import { isKnown, UNKNOWN, type Checked, type Unknown } from "../resource/unknown";
import {
    certificateFaults,
    fingerprintOf,
    plainFingerprint,
    readCertificate,
    serverCertificate,
    type ServerCertificate,
} from "./certificate";
import { isRelative } from "./imageUrl";
import type { OsProfileInputs } from "./osProfile.schema";

/** The certificate to pin: base64 of PEM, undefined for none, or not known here. */
export interface Pin {
    certificate: string | undefined | Unknown;
    problems: { path: string[]; message: string }[];
}

type Inputs = Checked<OsProfileInputs>;

/**
 * Decides which certificate hosts shall trust for the image's server. A given one counts; else the server's own is
 * taken when the profile is made, if hosts would not trust it anyway, and stays pinned: that the server shows another
 * one later is said, and taken over only with its fingerprint.
 */
export async function choosePin(
    inputs: Inputs,
    context: Context<unknown>,
    state: Partial<OsProfileInputs> | undefined,
): Promise<Pin> {
    const { tlsCaCert, imageUrl, certificateFingerprint } = inputs;
    if (!isKnown(tlsCaCert) || !isKnown(imageUrl) || !isKnown(certificateFingerprint)) return pin(UNKNOWN);
    if (tlsCaCert === "") return pin(undefined);
    if (tlsCaCert !== undefined) return givenPin(tlsCaCert, context, state);
    if (isRelative(imageUrl)) return pin(undefined);

    const url = new URL(imageUrl);
    const made = state?.imageUrl !== undefined && sameServer(state.imageUrl, url);
    const before = made ? state.pinnedCertificate : undefined;
    const wanted =
        certificateFingerprint === undefined ? undefined : plainFingerprint(certificateFingerprint);
    const keeps =
        made && (wanted === undefined || (before !== undefined && fingerprintOf(before) === wanted));

    const server = await lookAtServer(url, context, keeps);
    if (keeps) {
        if (server) warnOfRotation(url, server, before, context);
        return withFaults(before, context);
    }
    if (!server) return pin(before ?? UNKNOWN);
    if (wanted !== undefined && server.fingerprint !== wanted) {
        const message =
            `the server ${url.host} shows a certificate with the fingerprint ${server.fingerprint}, not this one: ` +
            "either somebody is in between, or the fingerprint is of another certificate";
        return { certificate: before, problems: [{ path: ["certificateFingerprint"], message }] };
    }
    if (wanted === undefined && server.publiclyTrusted) return pin(undefined);
    return withFaults(Buffer.from(server.pem).toString("base64"), context);
}

async function givenPin(
    given: string,
    context: Context<unknown>,
    state: Partial<OsProfileInputs> | undefined,
): Promise<Pin> {
    try {
        const certificate = await context.ifAvailable<string | Unknown>(
            async () => readCertificate(given, context.projectDir),
            state?.pinnedCertificate ?? UNKNOWN,
        );
        return withFaults(certificate, context, "tlsCaCert");
    } catch (error) {
        return { certificate: undefined, problems: [{ path: ["tlsCaCert"], message: messageOf(error) }] };
    }
}

/** A profile that has its certificate does not need the server to be reachable from here. */
async function lookAtServer(
    url: URL,
    context: Context<unknown>,
    optional: boolean,
): Promise<ServerCertificate | undefined> {
    const advice =
        'give the certificate of the image server as tlsCaCert (a PEM file), or tlsCaCert: "" for a public CA';
    try {
        return await context.ifAvailable<ServerCertificate | undefined>(
            () => serverCertificate(url, context.signal),
            undefined,
        );
    } catch (error) {
        if (!(error instanceof UnavailableHere)) throw error;
        if (!optional) throw new UnavailableHere(`${error.message}: ${advice}`);
        return undefined;
    }
}

function warnOfRotation(
    url: URL,
    server: ServerCertificate,
    before: string | undefined,
    context: Context<unknown>,
): void {
    const accept = `To accept it, give certificateFingerprint: "${server.fingerprint}"`;
    if (before === undefined) {
        if (server.publiclyTrusted) return;
        context.log.warn(
            `the image server ${url.host} now shows a certificate that hosts do not trust: they will refuse the image. ${accept}`,
        );
        return;
    }
    // A pinned CA is no leaf; only the pin of a leaf can be compared.
    const pinned = Buffer.from(before, "base64").toString("utf8");
    if (pinned.trim() === server.pem.trim()) return;
    context.log.warn(
        `the image server ${url.host} now shows another certificate than the pinned one: hosts will refuse the image. ${accept}`,
    );
}

function withFaults(
    certificate: string | undefined | Unknown,
    context: Context<unknown>,
    input = "imageUrl",
): Pin {
    if (certificate === undefined || !isKnown(certificate)) return pin(certificate);
    const { problems, warnings } = certificateFaults(certificate, context.now());
    for (const warning of warnings) context.log.warn(warning);
    const where = input === "imageUrl" ? "the server's certificate cannot be used: " : "";
    return {
        certificate,
        problems: problems.map((message) => ({ path: [input], message: where + message })),
    };
}

function pin(certificate: string | undefined | Unknown): Pin {
    return { certificate, problems: [] };
}

function sameServer(before: string, url: URL): boolean {
    return URL.canParse(before) && new URL(before).host === url.host;
}

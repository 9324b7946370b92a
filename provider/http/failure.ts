import { messageOf, UnavailableHere } from "../resource/errors";

/** Sentences on what to do, in the words of the system a client speaks to. */
export interface Advice {
    /** Where the address is set. */
    readonly endpoint: string;
    /** Where an own CA is named. */
    readonly caFile: string;
}

/** No answer came. In a preview that is no failure: the runner may have no way to the system. */
export class NoAnswer extends UnavailableHere {
    constructor(
        message: string,
        /** The request certainly did not reach the server, so that even a write can be repeated. */
        readonly neverSent: boolean,
        /** Trying again may help; a wrong certificate or host name stays wrong. */
        readonly passing: boolean,
        /** Milliseconds that the server asked to wait before that. */
        readonly wait?: number,
    ) {
        super(message);
    }
}

interface Diagnosis {
    /** What happened, then what to do. */
    text: (host: string, advice: Advice) => string;
    neverSent?: boolean;
    passing?: boolean;
}

const refused: Diagnosis = {
    text: (host, advice) => `nothing answers at ${host}: is the server up, and is ${advice.endpoint} right?`,
    neverSent: true,
    passing: true,
};
const unknownHost: Diagnosis = {
    text: (host, advice) =>
        `the name ${host} is not known here: check ${advice.endpoint}, and the network or VPN of this machine`,
    neverSent: true,
    passing: false,
};
const untrusted: Diagnosis = {
    text: (host, advice) =>
        `the certificate of ${host} is not from a CA this machine trusts: name the PEM file of its CA as ${advice.caFile}`,
    neverSent: true,
};

const DIAGNOSES: Readonly<Record<string, Diagnosis>> = {
    ECONNREFUSED: refused,
    EHOSTUNREACH: refused,
    ENETUNREACH: refused,
    ENOTFOUND: unknownHost,
    EAI_AGAIN: { ...unknownHost, passing: true },
    UND_ERR_CONNECT_TIMEOUT: {
        text: (host, advice) =>
            `no connection to ${host} in time: is it reachable from here (firewall, VPN, proxy), and is ${advice.endpoint} right?`,
        neverSent: true,
        passing: true,
    },
    SELF_SIGNED_CERT_IN_CHAIN: untrusted,
    DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
    UNABLE_TO_GET_ISSUER_CERT: untrusted,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
    CERT_HAS_EXPIRED: {
        text: (host) => `the certificate of ${host} has expired: it must be renewed on the server`,
        neverSent: true,
    },
    CERT_NOT_YET_VALID: {
        text: (host) => `the certificate of ${host} is not valid yet: is this machine's clock right?`,
        neverSent: true,
    },
    ERR_TLS_CERT_ALTNAME_INVALID: {
        text: (host, advice) =>
            `the certificate of the server is not for ${host}: is ${advice.endpoint} right?`,
        neverSent: true,
    },
    ERR_SSL_WRONG_VERSION_NUMBER: {
        text: (host, advice) => `${host} does not speak TLS: is the port in ${advice.endpoint} right?`,
        neverSent: true,
    },
    ECONNRESET: { text: (host) => `${host} broke the connection off before it answered`, passing: true },
    EPIPE: { text: (host) => `${host} broke the connection off before it answered`, passing: true },
    UND_ERR_SOCKET: { text: (host) => `${host} broke the connection off before it answered`, passing: true },
    UND_ERR_HEADERS_TIMEOUT: { text: (host) => `${host} did not answer in time`, passing: true },
    UND_ERR_BODY_TIMEOUT: { text: (host) => `${host} stopped in the middle of its answer`, passing: true },
};

/** What undici or node:tls threw, in words to act on. */
export function explain(error: unknown, url: URL, what: string, advice: Advice): NoAnswer {
    const code = codeOf(error);
    const diagnosis = code === undefined ? undefined : DIAGNOSES[code];
    const text = diagnosis
        ? diagnosis.text(url.host, advice)
        : `no answer from ${url.host} (${messageOf(error)})`;
    const detail = diagnosis && code ? ` (${code})` : "";
    return new NoAnswer(
        `${what}: ${text}${detail}`,
        diagnosis?.neverSent ?? false,
        diagnosis ? (diagnosis.passing ?? false) : true,
    );
}

/** The first error code in a chain of causes; a connection tried over IPv4 and IPv6 fails with several. */
function codeOf(error: unknown): string | undefined {
    if (!(error instanceof Error)) return undefined;
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined && code in DIAGNOSES) return code;
    const inner = error instanceof AggregateError ? (error.errors as unknown[]) : [error.cause];
    return inner.map(codeOf).find((found) => found !== undefined) ?? code;
}

import { EdgeError } from "../resource/errors";

/** Whom to log in as, and where. */
export interface SshAddress {
    readonly host: string;
    readonly port: number;
    readonly user: string;
}

const DEFAULT_PORT = 22;
const FORM = "[ssh://]user@host[:port]";

/** Reads `ssh://user@host:port` and its shorter forms; an IPv6 address stands in brackets. Faults throw an EdgeError. */
export function parseSshAddress(
    text: string,
    defaults: { user?: string | undefined; port?: number | undefined } = {},
): SshAddress {
    const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `ssh://${text}`;
    const fault = (what: string): EdgeError => new EdgeError(`${what}: must be ${FORM}`);
    if (!URL.canParse(full)) throw fault("is not an SSH address");
    const url = new URL(full);
    if (url.protocol !== "ssh:") throw fault(`starts with ${url.protocol}//`);
    if (url.password !== "") {
        throw fault("holds a password, and only keys can be used for logging in");
    }
    if (url.hostname === "") throw fault("names no host");
    if (!/^\/?$/.test(url.pathname) || url.search !== "" || url.hash !== "") {
        throw fault("has a path, query or fragment");
    }
    const user = url.username === "" ? defaults.user : decoded(url.username);
    if (user === undefined) throw fault("names no user");
    return {
        host: decoded(url.hostname).replace(/^\[(.*)\]$/, "$1"),
        port: url.port === "" ? (defaults.port ?? DEFAULT_PORT) : Number(url.port),
        user,
    };
}

/** `user@host`, with the port where it is not the usual one. */
export function describeAddress({ user, host, port }: SshAddress): string {
    return `${user}@${hostAndPort(host, port)}`;
}

export function hostAndPort(host: string, port: number): string {
    const name = host.includes(":") ? `[${host}]` : host;
    return port === DEFAULT_PORT ? name : `${name}:${port}`;
}

function decoded(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

import * as tls from "node:tls";
import { Agent, EnvHttpProxyAgent, type Dispatcher } from "undici";
import { isLoopback } from "./loopback";

export interface DispatcherOptions {
    /** PEM certificates trusted beside the system's own. */
    readonly ca?: string;
    /** The name that the server's certificate is for, where it is not that of its address. */
    readonly serverName?: string;
    /** A certificate to log in with. */
    readonly identity?: ClientIdentity;
    /** Where the proxy's address comes from. */
    readonly env: Readonly<Record<string, string | undefined>>;
}

/** A certificate of a client and its key, both PEM. */
export interface ClientIdentity {
    readonly certificate: string;
    readonly key: string;
}

/** As many as a client has requests under way at most. */
const MOST_CONNECTIONS = 32;

/** The way to one server: past its proxy, trusting its certificates. */
export function makeDispatcher(hostname: string, options: DispatcherOptions): Dispatcher {
    const { env } = options;
    const trust = tlsOptions(options);
    const connections = MOST_CONNECTIONS;
    // A loopback address seen from a proxy is the proxy's own machine.
    if (isLoopback(hostname)) return new Agent({ connect: trust, connections });
    return new EnvHttpProxyAgent({
        connect: trust,
        requestTls: trust,
        connections,
        httpProxy: env.http_proxy ?? env.HTTP_PROXY,
        httpsProxy: env.https_proxy ?? env.HTTPS_PROXY,
        noProxy: env.no_proxy ?? env.NO_PROXY,
    });
}

function tlsOptions({
    ca,
    serverName,
    identity,
}: DispatcherOptions): tls.SecureContextOptions & { servername?: string } {
    return {
        ...(ca === undefined ? {} : { ca: [...systemRoots(), ca] }),
        ...(serverName === undefined ? {} : { servername: serverName }),
        ...(identity ? { cert: identity.certificate, key: identity.key } : {}),
    };
}

/** A client with its own `ca` no longer looks at the defaults, nor at NODE_EXTRA_CA_CERTS. */
function systemRoots(): readonly string[] {
    const { getCACertificates } = tls as { getCACertificates?: (type: "default") => string[] };
    return getCACertificates?.("default") ?? tls.rootCertificates;
}

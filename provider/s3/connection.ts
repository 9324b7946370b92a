import { isLoopback } from "../http/loopback";
import type { Host } from "../resource/context";

/** Keys of a user, or temporary ones with their session token, as a security token service hands them out. */
export interface S3Credentials {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
}

/** How a bucket's service is reached. */
export interface S3Connection {
    /** Any service that speaks S3, `https://s3.example.com`; undefined for AWS's own. */
    readonly endpoint?: string;
    /** Default: that of AWS's variables or profile, else `us-east-1`, which other services take for any. */
    readonly region?: string;
    /** PEM certificates trusted beside the system's own. */
    readonly ca?: string;
    /** Undefined: AWS's own ways to find some (profile, web identity, instance role). */
    readonly credentials?: S3Credentials;
    /** Where things are set, for messages. */
    readonly advice: S3Advice;
}

export interface S3Advice {
    readonly endpoint: string;
    readonly caFile: string;
    readonly credentials: string;
    readonly region: string;
    readonly bucket: string;
}

/** What a client needs of the world around it. */
export type S3Host = Pick<Host, "env" | "now" | "sleep">;

type Environment = Host["env"];

/**
 * Keys from the environment: the variables of this package with the prefix first, `EDGE_OS_IMAGE_S3`, then AWS's own.
 * A profile that is named wins over AWS's keys, as in AWS's own tools.
 */
export function s3CredentialsFrom(env: Environment, prefix: string): S3Credentials | undefined {
    const own = keys(env, `${prefix}_`);
    if (own) return own;
    return env.AWS_PROFILE ? undefined : keys(env, "AWS_");
}

export function whereS3Credentials(prefix: string): string {
    return `${prefix}_ACCESS_KEY_ID and ${prefix}_SECRET_ACCESS_KEY (and _SESSION_TOKEN for temporary ones), or AWS's own variables or profile`;
}

function keys(env: Environment, prefix: string): S3Credentials | undefined {
    const accessKeyId = env[`${prefix}ACCESS_KEY_ID`];
    const secretAccessKey = env[`${prefix}SECRET_ACCESS_KEY`];
    const sessionToken = env[`${prefix}SESSION_TOKEN`];
    if (!accessKeyId || !secretAccessKey) return undefined;
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** What is wrong with an endpoint as a user gives it. */
export function endpointProblem(text: string): string | undefined {
    if (!URL.canParse(text)) return "must be a URL, for example https://s3.example.com";
    const { protocol, hostname, username, password, search, hash } = new URL(text);
    if (username !== "" || password !== "") return "must not hold a user name or password";
    if (search !== "" || hash !== "") return "must not have a query or fragment";
    if (protocol === "https:" || (protocol === "http:" && isLoopback(hostname))) return undefined;
    return "must use https";
}

/** `s3://bucket/key`. */
export function parseS3Url(text: string): { bucket: string; key: string } | undefined {
    const [, bucket, key] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/s.exec(text) ?? [];
    return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

import { NoAnswer } from "../http/failure";
import { redact } from "../http/redact";
import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";
import type { S3Connection } from "./connection";

/** What was asked of a service, for messages. */
export interface S3Place {
    readonly bucket: string;
    /** An object's, or the beginning of several. */
    readonly key?: string;
}

/** A request that the service refused. */
export class S3Refusal extends EdgeError {
    override readonly name = "S3Refusal";

    constructor(
        message: string,
        /** The service's own name for it, `NoSuchBucket`. */
        readonly code: string,
        readonly status: number | undefined,
    ) {
        super(message);
    }
}

interface Thrown {
    name?: string;
    message?: string;
    Code?: string;
    $metadata?: { httpStatusCode?: number };
}

/** Whether an object, or an upload, is not there. A missing bucket is no such answer. */
export function isNotFound(error: unknown): boolean {
    return error instanceof S3Refusal && ["NotFound", "NoSuchKey", "NoSuchUpload"].includes(error.code);
}

/** What the SDK threw, in words to act on. */
export function translate(
    error: unknown,
    verb: string,
    place: S3Place,
    connection: S3Connection,
    signal: AbortSignal | undefined,
): Error {
    if (signal?.aborted) return signal.reason as Error;
    // The handler's own, and what another part of this package has said already.
    if (error instanceof EdgeError) {
        return error instanceof NoAnswer ? describeNoAnswer(error, verb, place, connection) : error;
    }
    const thrown = (error ?? {}) as Thrown;
    const what = describe(verb, place, connection);
    if (thrown.name === "CredentialsProviderError") {
        return new UnavailableHere(
            `${what}: there are no credentials here. Set ${connection.advice.credentials}`,
        );
    }
    const code = thrown.Code ?? thrown.name ?? "Error";
    const status = thrown.$metadata?.httpStatusCode;
    const words = reason(code, status, place, connection) ?? `the service answered ${messageOf(error)}`;
    const text = `${what}: ${words} (${code}${status === undefined ? "" : `, status ${status}`})`;
    return new S3Refusal(clean(text, connection), code, status);
}

/** `S3 s3.example.com: put edge-images/ubuntu.img`. */
export function describe(verb: string, { bucket, key }: S3Place, { endpoint }: S3Connection): string {
    const host = endpoint === undefined ? "AWS" : new URL(endpoint).host;
    return `S3 ${host}: ${verb} ${bucket}${key === undefined ? "" : `/${key}`}`;
}

function describeNoAnswer(error: NoAnswer, verb: string, place: S3Place, connection: S3Connection): NoAnswer {
    const text = error.message.replace(/^[A-Z]+ \S+: /, "");
    return new NoAnswer(
        clean(`${describe(verb, place, connection)}: ${text}`, connection),
        error.neverSent,
        error.passing,
    );
}

function reason(
    code: string,
    status: number | undefined,
    { bucket, key }: S3Place,
    { advice, region, endpoint }: S3Connection,
): string | undefined {
    switch (code) {
        case "NoSuchBucket":
            return `there is no bucket ${bucket}: create it, or correct ${advice.bucket}`;
        case "InvalidAccessKeyId":
            return `the service does not know the access key: check ${advice.credentials}`;
        case "SignatureDoesNotMatch":
            return `the secret key does not belong to the access key: check ${advice.credentials}`;
        case "ExpiredToken":
        case "ExpiredTokenException":
        case "TokenRefreshRequired":
            return `the temporary credentials have expired: get new ones and set ${advice.credentials}`;
        case "InvalidToken":
            return `the session token is not valid: check ${advice.credentials}`;
        case "RequestTimeTooSkewed":
            return "this machine's clock and the service's differ too much: set this one's";
        case "AuthorizationHeaderMalformed":
        case "PermanentRedirect":
        case "IllegalLocationConstraintException":
            return `the bucket is of another region${region === undefined ? "" : ` than ${region}`}: set ${advice.region}`;
        case "QuotaExceeded":
        case "XMinioStorageFull":
        case "InsufficientStorage":
            return "the service has no room left, or the quota is used up";
        case "NoSuchKey":
        case "NotFound":
            return `there is no object ${key ?? ""}`;
        case "PreconditionFailed":
            return "the object was changed meanwhile";
        case "SlowDown":
        case "ServiceUnavailable":
            return "the service is overloaded, and was so at every attempt: try again later";
    }
    if (code === "AccessDenied" || status === 403) {
        return `the credentials may not do that: allow it for ${bucket} in the service's policy, or set others (${advice.credentials})`;
    }
    if (status === 404) {
        return `nothing is there: is ${advice.bucket} right, and is ${endpoint ?? "the endpoint"} an S3 service?`;
    }
    return undefined;
}

function clean(text: string, { credentials }: S3Connection): string {
    return redact(text, credentials ? [credentials.secretAccessKey, credentials.sessionToken ?? ""] : []);
}

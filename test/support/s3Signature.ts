import * as crypto from "node:crypto";
import type { IncomingMessage } from "node:http";

/**
 * What a service would refuse a request for: its signature of version 4, its session token, the digest of its body.
 * Written from AWS's description of the algorithm, as a judge of what the SDK and this package's handler send.
 */
export function signatureProblem(
    { method = "", headers }: IncomingMessage,
    url: URL,
    body: Buffer,
    expected: { secrets: ReadonlyMap<string, string>; sessionToken: string | undefined; trusting: boolean },
): string | undefined {
    const parts =
        /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
            headers.authorization ?? "",
        );
    if (!parts) return "AccessDenied";
    const [, accessKeyId = "", date = "", region = "", signedHeaders = "", signature] = parts;
    const secret = expected.secrets.get(accessKeyId);
    if (secret === undefined) return "InvalidAccessKeyId";
    if (headers["x-amz-security-token"] !== expected.sessionToken) return "InvalidToken";
    const payload = String(headers["x-amz-content-sha256"]);
    const canonical = [
        method,
        url.pathname,
        queryOf(url),
        ...signedHeaders.split(";").map((name) => `${name}:${String(headers[name]).trim()}`),
        "",
        signedHeaders,
        payload,
    ].join("\n");
    const scope = `${date}/${region}/s3/aws4_request`;
    const text = ["AWS4-HMAC-SHA256", String(headers["x-amz-date"]), scope, sha256(canonical)].join("\n");
    const key = [date, region, "s3", "aws4_request"].reduce<string | Buffer>(
        (last, word) => hmac(last, word),
        `AWS4${secret}`,
    );
    if (hmac(key, text).toString("hex") !== signature) return "SignatureDoesNotMatch";
    const isDigest = /^[0-9a-f]{64}$/.test(payload);
    return !expected.trusting && isDigest && sha256(body) !== payload
        ? "XAmzContentSHA256Mismatch"
        : undefined;
}

function queryOf({ search }: URL): string {
    return search
        .slice(1)
        .split("&")
        .filter((part) => part !== "")
        .map((part) => (part.includes("=") ? part : `${part}=`))
        .sort()
        .join("&");
}

function sha256(bytes: string | Buffer): string {
    return crypto.createHash("sha256").update(bytes).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
    return crypto.createHmac("sha256", key).update(text).digest();
}

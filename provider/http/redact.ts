/** Shapes of secrets that turn up in texts of servers and libraries, whatever their value. */
const SHAPES: readonly [RegExp, string][] = [
    [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, "$1 [secret]"],
    [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?/g, "[secret]"],
    // Presigned addresses of S3 are keys for whoever reads them.
    [
        /([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature)=)[^&\s"']+/gi,
        "$1[secret]",
    ],
    [
        /\b(password|client_secret|refresh_token|access_token)(["']?\s*[=:]\s*["']?)[^&\s"',}]+/gi,
        "$1$2[secret]",
    ],
];

/** A text without the given secrets, in any of the forms they travel in, and without anything that looks like one. */
export function redact(text: string, secrets: Iterable<string>): string {
    let clean = text;
    for (const secret of secrets) {
        if (secret.length < 3) continue; // would tear ordinary words apart, and cannot be told from them
        // The longest first: a shorter form may be a part of a longer one.
        for (const form of formsOf(secret)) clean = clean.split(form).join("[secret]");
    }
    return SHAPES.reduce((result, [shape, replacement]) => result.replace(shape, replacement), clean);
}

function formsOf(secret: string): string[] {
    const forms = new Set([secret, encodeURIComponent(secret), formEncoded(secret), quoted(secret)]);
    return [...forms].sort((a, b) => b.length - a.length);
}

function formEncoded(text: string): string {
    return new URLSearchParams({ x: text }).toString().slice(2);
}

function quoted(text: string): string {
    return JSON.stringify(text).slice(1, -1);
}

import * as crypto from "node:crypto";

/** Public SSH keys as EMF takes them: one line, and two kinds only. */

const MAX_LENGTH = 800;
const ACCEPTED = ["ssh-ed25519", "ecdsa-sha2-nistp521"] as const;
/** Length of the key itself within the encoded data. */
const KEY_BYTES: Readonly<Record<string, number>> = { "ssh-ed25519": 32, "ecdsa-sha2-nistp521": 133 };
const ADVICE = "EMF takes ssh-ed25519 and ecdsa-sha2-nistp521 only: make one with ssh-keygen -t ed25519";

/** `<type> <base64> <comment>` with single blanks, and without the line break that key files end with. */
export function normalKey(given: string): string {
    const [type = "", data = "", ...comment] = given.trim().split(/[ \t]+/);
    return [type, data, comment.join(" ")].filter((part) => part !== "").join(" ");
}

/** What is wrong with a key in its normal form. No message repeats the text: it may be a private key. */
export function keyProblem(key: string): string | undefined {
    if (key === "") return "must not be empty";
    if (key.includes("PRIVATE KEY")) {
        return "is a private key: give the public one (the file that ends in .pub), and replace this pair, it has left its place";
    }
    if (/[\r\n]/.test(key)) return "has several lines: an account has one key; make an account for each";
    const [type = "", data = ""] = key.split(" ");
    if (!(ACCEPTED as readonly string[]).includes(type)) {
        if (type === "ssh-rsa") return `is an RSA key, which EMF refuses. ${ADVICE}`;
        if (/^(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+$/.test(type))
            return `is of type ${type}, which EMF refuses. ${ADVICE}`;
        return "must be the line of a public key file: type, key, comment (without options before the type)";
    }
    if (!isWhole(type, data)) return `is cut off or damaged: the part after ${type} is no such key`;
    if (key.length > MAX_LENGTH)
        return `has ${key.length} characters, EMF takes ${MAX_LENGTH}: shorten the comment`;
    return undefined;
}

/** Whether both open the same door; comments may differ. */
export function sameKey(a: string, b: string): boolean {
    return keyPart(a) === keyPart(b);
}

/** As `ssh-keygen -l` shows it. */
export function keyFingerprint(key: string): string {
    const data = Buffer.from(normalKey(key).split(" ")[1] ?? "", "base64");
    return `SHA256:${crypto.createHash("sha256").update(data).digest("base64").replace(/=+$/, "")}`;
}

function keyPart(key: string): string {
    return normalKey(key).split(" ", 2).join(" ");
}

/** RFC 4253 and 5656: strings, each behind its length; the first repeats the type, the last is the key. */
function isWhole(type: string, data: string): boolean {
    const bytes = Buffer.from(data, "base64");
    if (bytes.toString("base64") !== data) return false;
    const fields: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
        if (at + 4 > bytes.length) return false;
        const end = at + 4 + bytes.readUInt32BE(at);
        if (end > bytes.length) return false;
        fields.push(bytes.subarray(at + 4, end));
        at = end;
    }
    const names = fields.slice(0, -1).map((field) => field.toString("latin1"));
    const expected = type === "ssh-ed25519" ? [type] : [type, "nistp521"];
    return names.join() === expected.join() && fields.at(-1)?.length === KEY_BYTES[type];
}

import * as crypto from "node:crypto";
import { EdgeError } from "../resource/errors";
import { hostAndPort } from "./address";

const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}=?$/;

/** A host key's fingerprint as ssh-keygen prints it: `SHA256:…`. */
export function fingerprint(key: Buffer): string {
    return `SHA256:${crypto.createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** Whether a text is one fingerprint, or several with blanks or commas between. */
export function isFingerprints(text: string): boolean {
    const parts = split(text);
    return parts.length > 0 && parts.every((part) => FINGERPRINT.test(part));
}

/**
 * Which host keys are right: the pinned ones, and for other machines the one they have shown first. One of these
 * belongs to one set of connections, within which a machine's key cannot change.
 */
export class HostKeys {
    private readonly seen = new Map<string, string>();
    private readonly accepted = new Map<string, Buffer>();
    private readonly pinned = new Map<string, string>();

    /** @param pinned fingerprints by `host` or `host:port`; any of several is right */
    constructor(pinned: Readonly<Record<string, string>> = {}) {
        for (const [host, fingerprints] of Object.entries(pinned)) {
            if (!isFingerprints(fingerprints)) {
                throw new EdgeError(
                    `host key of ${host}: must be a fingerprint such as SHA256:… (ssh-keyscan HOST | ssh-keygen -lf -)`,
                );
            }
            this.pinned.set(host, fingerprints);
        }
    }

    /** Demands a key of one machine from now on. */
    pin({ host, port }: { host: string; port: number }, fingerprints: string): void {
        this.pinned.set(hostAndPort(host, port), fingerprints);
    }

    /** Why the key is wrong; undefined when it is right. */
    fault(host: string, port: number, key: Buffer): string | undefined {
        const fault = this.compare(host, port, key);
        if (fault === undefined) this.accepted.set(port === 22 ? host : `[${host}]:${port}`, key);
        return fault;
    }

    /** Every machine that has shown a right key, as a file of known hosts for OpenSSH's own programs. */
    knownHosts(): string {
        return [...this.accepted]
            .map(([place, key]) => `${place} ${typeOf(key)} ${key.toString("base64")}\n`)
            .join("");
    }

    private compare(host: string, port: number, key: Buffer): string | undefined {
        const place = hostAndPort(host, port);
        const shown = fingerprint(key);
        const pin = this.pinned.get(place) ?? this.pinned.get(`${host}:${port}`) ?? this.pinned.get(host);
        if (pin !== undefined) {
            if (split(pin).some((one) => one.replace(/=$/, "") === shown)) return undefined;
            return (
                `shows the host key ${shown}, but ${split(pin).join(" or ")} is pinned: it was installed anew, or something ` +
                "else answers in its place. If the key is right, pin it"
            );
        }
        const first = this.seen.get(place) ?? shown;
        this.seen.set(place, first);
        if (first === shown) return undefined;
        return `shows the host key ${shown}, but showed ${first} before: something else may answer in its place`;
    }

    /** The keys that were taken on first sight, by host. */
    recorded(): Readonly<Record<string, string>> {
        return Object.fromEntries(this.seen);
    }
}

/** A key begins with the name of its type. */
function typeOf(key: Buffer): string {
    return key.toString("ascii", 4, 4 + key.readUInt32BE(0));
}

function split(text: string): string[] {
    return text.split(/[\s,]+/).filter((part) => part !== "");
}

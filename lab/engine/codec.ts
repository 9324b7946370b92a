import type { Crypter } from "./secrets";
import type { ResourceState } from "./resource";
import {
    isObject,
    isSecret,
    mapValues,
    reveal,
    secret,
    SIGNATURE,
    signatureOf,
    Signatures,
    sortKeys,
    type PropertyMap,
    type Secret,
    type Value,
} from "./values";

/** A row as it stands in a state file: secrets encrypted. */
export type StoredResource = Record<string, unknown> & { urn: string; type: string };

// Order of the fields in the CLI's state files (apitype.ResourceV3): the same rows give the same text.
const FIELDS = [
    "urn",
    "custom",
    "delete",
    "id",
    "type",
    "inputs",
    "outputs",
    "parent",
    "protect",
    "taint",
    "external",
    "dependencies",
    "initErrors",
    "provider",
    "propertyDependencies",
    "pendingReplacement",
    "additionalSecretOutputs",
    "aliases",
    "customTimeouts",
    "importID",
    "retainOnDelete",
    "deletedWith",
    "replaceWith",
    "created",
    "modified",
    "sourcePosition",
    "stackTrace",
    "ignoreChanges",
    "hideDiff",
    "replaceOnChanges",
];
const ALWAYS_WRITTEN = new Set(["urn", "custom", "type"]);

/** Turns rows into the form of state files and back. */
export class StateCodec {
    // By identity, never by plaintext: two equal secrets must not be recognisable as equal in the file.
    private readonly ciphertexts = new WeakMap<Secret, string>();

    constructor(
        private readonly crypter: Crypter,
        /** Opens what is encrypted with another key than the one written with. */
        private readonly previous?: Crypter,
    ) {}

    /** The salt line of what is written. */
    get salt(): string {
        return this.crypter.salt;
    }

    encodeRow(row: ResourceState): StoredResource {
        const source: Record<string, unknown> = {
            ...row,
            inputs: this.encodeMap(row.inputs),
            outputs: this.encodeMap(row.outputs),
        };
        const stored: Record<string, unknown> = {};
        // Fields of later versions of the format are kept, after the known ones.
        for (const field of new Set([...FIELDS, ...Object.keys(source)])) {
            if (ALWAYS_WRITTEN.has(field) || !isEmpty(source[field])) {
                stored[field] = source[field];
            }
        }
        return stored as StoredResource;
    }

    decodeRow(stored: StoredResource): ResourceState {
        return {
            ...(stored as unknown as ResourceState),
            inputs: this.decodeMap(stored.inputs),
            outputs: this.decodeMap(stored.outputs),
        };
    }

    /** Encoded state with its secrets in clear, for exports that are asked for so. */
    inPlaintext<Stored>(stored: Stored): Stored {
        return JSON.parse(JSON.stringify(stored), (_key, value: Value) =>
            signatureOf(value) === Signatures.secret &&
            isObject(value) &&
            typeof value.ciphertext === "string"
                ? { [SIGNATURE]: Signatures.secret, plaintext: this.crypter.decrypt(value.ciphertext) }
                : value,
        ) as Stored;
    }

    private encodeMap(map: PropertyMap): PropertyMap {
        return this.encode(map) as PropertyMap;
    }

    private decodeMap(stored: unknown): PropertyMap {
        const map = (stored ?? {}) as PropertyMap;
        return mapValues(map, (value) => this.decode(value));
    }

    private encode(value: Value): Value {
        if (Array.isArray(value)) {
            return value.map((item) => this.encode(item));
        }
        if (!isObject(value)) {
            return value;
        }
        if (isSecret(value)) {
            return { [SIGNATURE]: Signatures.secret, ciphertext: this.ciphertextOf(value) };
        }
        const encoded: PropertyMap = {};
        for (const key of Object.keys(value).sort()) {
            encoded[key] = this.encode(value[key]);
        }
        return encoded;
    }

    private ciphertextOf(value: Secret): string {
        let ciphertext = this.ciphertexts.get(value);
        if (ciphertext === undefined) {
            // A secret inside a secret is written in clear inside the outer ciphertext.
            ciphertext = this.crypter.encrypt(JSON.stringify(sortKeys(reveal(value.value)) ?? null));
            this.ciphertexts.set(value, ciphertext);
        }
        return ciphertext;
    }

    private decode(value: Value): Value {
        if (Array.isArray(value)) {
            return value.map((item) => this.decode(item));
        }
        if (!isObject(value)) {
            return value;
        }
        if (signatureOf(value) === Signatures.secret) {
            return this.decodeSecret(value);
        }
        return mapValues(value, (item) => this.decode(item));
    }

    private decodeSecret(stored: PropertyMap): Secret {
        // `plaintext` stands in the place of `ciphertext` in exports made with --show-secrets.
        if (typeof stored.plaintext === "string") {
            return secret(JSON.parse(stored.plaintext) as Value);
        }
        const ciphertext = stored.ciphertext as string;
        if (this.previous !== undefined) {
            return secret(JSON.parse(this.previous.decrypt(ciphertext)) as Value);
        }
        const decoded = secret(JSON.parse(this.crypter.decrypt(ciphertext)) as Value);
        this.ciphertexts.set(decoded, ciphertext);
        return decoded;
    }
}

function isEmpty(value: unknown): boolean {
    if (value === undefined || value === null || value === "" || value === false) {
        return true;
    }
    if (Array.isArray(value)) {
        return value.length === 0;
    }
    return typeof value === "object" && Object.keys(value).length === 0;
}

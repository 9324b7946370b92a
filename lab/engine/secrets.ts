import * as crypto from "node:crypto";

// Fixed by the CLI's passphrase secrets manager (sdk/go/common/resource/config): any other number opens no stack.
const ITERATIONS = 1_000_000;
const KEY_BYTES = 32;
const SALT_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CHECK_VALUE = "pulumi";

/** A passphrase that does not open the stack. */
export class WrongPassphraseError extends Error {
    constructor() {
        super(
            "the passphrase is not the one this stack was made with. Set PULUMI_CONFIG_PASSPHRASE (or " +
                "PULUMI_CONFIG_PASSPHRASE_FILE) to the stack's passphrase.",
        );
    }
}

// The derivation takes a third of a second: once a passphrase and salt in a process is enough.
const derivedKeys = new Map<string, Buffer>();

function deriveKey(passphrase: string, salt: Buffer): Buffer {
    const id = crypto.createHash("sha256").update(salt).update(passphrase).digest("hex");
    let key = derivedKeys.get(id);
    if (key === undefined) {
        key = crypto.pbkdf2Sync(passphrase, salt, ITERATIONS, KEY_BYTES, "sha256");
        derivedKeys.set(id, key);
    }
    return key;
}

/** Encrypts and decrypts the secrets of one stack as the CLI's passphrase secrets provider does. */
export class Crypter {
    private constructor(
        private readonly key: Buffer,
        /** The salt line: `encryptionsalt` in the stack's configuration and the state of the secrets provider. */
        readonly salt: string,
    ) {}

    /** A crypter for a new stack. */
    static create(passphrase: string): Crypter {
        const salt = crypto.randomBytes(SALT_BYTES);
        const key = deriveKey(passphrase, salt);
        return new Crypter(key, `v1:${salt.toString("base64")}:${encrypt(key, CHECK_VALUE)}`);
    }

    /** The crypter of a stack with this salt line; a wrong passphrase is an error. */
    static open(passphrase: string, saltLine: string): Crypter {
        const [, salt, check] = /^v1:([^:]+):(.+)$/.exec(saltLine) ?? [];
        if (salt === undefined || check === undefined) {
            throw new Error(`the encryption salt "${saltLine}" is not of the form v1:<salt>:<check value>`);
        }
        const key = deriveKey(passphrase, Buffer.from(salt, "base64"));
        try {
            if (decrypt(key, check) === CHECK_VALUE) {
                return new Crypter(key, saltLine);
            }
        } catch {
            // Authentication of the check value failed: the key is another one.
        }
        throw new WrongPassphraseError();
    }

    encrypt(text: string): string {
        return encrypt(this.key, text);
    }

    decrypt(ciphertext: string): string {
        return decrypt(this.key, ciphertext);
    }
}

function encrypt(key: Buffer, text: string): string {
    const nonce = crypto.randomBytes(NONCE_BYTES);
    const cipher = crypto.createCipheriv("aes-256-gcm", key, nonce);
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `v1:${nonce.toString("base64")}:${body.toString("base64")}`;
}

function decrypt(key: Buffer, ciphertext: string): string {
    const [, nonce, encoded] = /^v1:([^:]+):([^:]+)$/.exec(ciphertext) ?? [];
    if (nonce === undefined || encoded === undefined) {
        throw new Error("a secret is not of the form v1:<nonce>:<ciphertext>");
    }
    const body = Buffer.from(encoded, "base64");
    const decipher = crypto.createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
    decipher.setAuthTag(body.subarray(-TAG_BYTES));
    return decipher.update(body.subarray(0, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
}

/** Reads the passphrase from the environment as the CLI does. It may be empty, but it must be given. */
export function passphraseFrom(env: NodeJS.ProcessEnv, readFile: (path: string) => string): string {
    if (env.PULUMI_CONFIG_PASSPHRASE !== undefined) {
        return env.PULUMI_CONFIG_PASSPHRASE;
    }
    const file = env.PULUMI_CONFIG_PASSPHRASE_FILE;
    if (file !== undefined && file !== "") {
        try {
            return readFile(file).trim();
        } catch (error) {
            throw new Error(
                `PULUMI_CONFIG_PASSPHRASE_FILE: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"})`,
            );
        }
    }
    throw new Error(
        "the secrets of the stack are encrypted with a passphrase. Set PULUMI_CONFIG_PASSPHRASE (it may be empty) or " +
            "PULUMI_CONFIG_PASSPHRASE_FILE.",
    );
}

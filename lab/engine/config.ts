import * as fs from "node:fs";
import * as path from "node:path";
import { isMap, parseDocument } from "yaml";
import type { Project } from "./project";
import { unsupported } from "./refusal";
import { Crypter } from "./secrets";

/** The configuration of a stack. */
export interface StackConfig {
    /** Values by full key (`namespace:key`), secrets in clear; objects and lists as JSON. */
    values: Record<string, string>;
    /** The keys that hold a secret. */
    secretKeys: string[];
    /** `encryptionsalt` of the file. */
    salt?: string;
    /** The file, which need not exist. */
    file: string;
}

interface StackFile {
    encryptionsalt?: string;
    secretsprovider?: string;
    config?: Record<string, unknown>;
    environment?: unknown;
}

/** Reads the project's own values and those of `Pulumi.<stack>.yaml` over them. */
export function loadStackConfig(project: Project, stack: string, passphrase: () => string): StackConfig {
    const file = path.join(project.configDir, `Pulumi.${stack}.yaml`);
    const content = readStackFile(file);
    refuseUnsupported(file, content);
    const fullKey = (key: string): string => (key.includes(":") ? key : `${project.name}:${key}`);
    const result: StackConfig = { values: {}, secretKeys: [], salt: content.encryptionsalt, file };

    for (const [key, value] of Object.entries(project.config)) {
        const own = projectDefault(value);
        if (own !== undefined) {
            result.values[fullKey(key)] = asText(own);
        }
    }
    const decrypter = lazyDecrypter(file, content.encryptionsalt, passphrase);
    for (const [key, value] of Object.entries(content.config ?? {})) {
        const { plain, secret } = decryptInside(value, decrypter);
        result.values[fullKey(key)] = asText(plain);
        if (secret) {
            result.secretKeys.push(fullKey(key));
        }
    }
    return result;
}

function readStackFile(file: string): StackFile {
    if (!fs.existsSync(file)) {
        return {};
    }
    const document = parseDocument(fs.readFileSync(file, "utf8"));
    const [problem] = document.errors;
    if (problem !== undefined) {
        throw new Error(`${file} is not valid YAML: ${problem.message}`);
    }
    return (document.toJS() ?? {}) as StackFile;
}

function refuseUnsupported(file: string, content: StackFile): void {
    const provider = content.secretsprovider;
    if (provider !== undefined && provider !== "" && provider !== "passphrase") {
        throw unsupported(`${file}: secrets provider "${provider.split(":")[0]}" (only "passphrase" is)`);
    }
    if (content.environment !== undefined) {
        throw unsupported(`${file}: "environment" (Pulumi ESC)`);
    }
}

/** A value of the project file: plain, or an object with `value` or `default` beside its type. */
function projectDefault(value: unknown): unknown {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        return value ?? undefined;
    }
    const declared = value as { value?: unknown; default?: unknown };
    return declared.value ?? declared.default;
}

function asText(value: unknown): string {
    return typeof value === "string" ? value : JSON.stringify(value);
}

function lazyDecrypter(
    file: string,
    salt: string | undefined,
    passphrase: () => string,
): (text: string) => string {
    let crypter: Crypter | undefined;
    return (text) => {
        if (salt === undefined) {
            throw new Error(
                `${file} holds secrets but no "encryptionsalt", so they cannot be decrypted. Restore the file, or set ` +
                    "the secrets again.",
            );
        }
        crypter ??= Crypter.open(passphrase(), salt);
        return crypter.decrypt(text);
    };
}

/** `{ secure: … }` anywhere inside makes the whole value a secret. */
function decryptInside(
    value: unknown,
    decrypt: (text: string) => string,
): { plain: unknown; secret: boolean } {
    if (Array.isArray(value)) {
        const items = value.map((item) => decryptInside(item, decrypt));
        return { plain: items.map((item) => item.plain), secret: items.some((item) => item.secret) };
    }
    if (typeof value !== "object" || value === null) {
        return { plain: value, secret: false };
    }
    const entries = Object.entries(value as Record<string, unknown>);
    const [only] = entries;
    if (entries.length === 1 && only?.[0] === "secure" && typeof only[1] === "string") {
        return { plain: decrypt(only[1]), secret: true };
    }
    const inner = entries.map(([key, item]) => ({ key, ...decryptInside(item, decrypt) }));
    return {
        plain: Object.fromEntries(inner.map((item) => [item.key, item.plain])),
        secret: inner.some((item) => item.secret),
    };
}

/** Writes `encryptionsalt` into the stack's file, as `pulumi stack init` does; all else in it stays as it is. */
export function writeEncryptionSalt(file: string, salt: string): void {
    const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    const document = parseDocument(text);
    if (document.contents !== null && !isMap(document.contents)) {
        throw new Error(
            `${file} is not a YAML mapping; a stack's configuration file has "config:" at its top.`,
        );
    }
    // A line at the end leaves the text of the user alone; where that does not do, as in JSON, it is written anew.
    const appended = `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}encryptionsalt: ${salt}\n`;
    const parsed = parseDocument(appended);
    document.set("encryptionsalt", salt);
    const fits = parsed.errors.length === 0 && parsed.get("encryptionsalt") === salt;
    const draft = `${file}.${process.pid}.tmp`;
    fs.writeFileSync(draft, fits ? appended : document.toString({ lineWidth: 0 }));
    fs.renameSync(draft, file);
}

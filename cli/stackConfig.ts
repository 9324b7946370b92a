import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "yaml";
import { EdgeError, messageOf } from "../provider/resource/errors";
import { isRecord } from "../provider/resource/unknown";

/** A stack's configuration as far as it can be read without its passphrase. */
export interface StackConfig {
    /** By full key, `edge-os:emf`; objects as JSON, as a program sees them. */
    readonly values: ReadonlyMap<string, string>;
    /** Paths of the values that are encrypted and so left out, `edge-os:emf.password`. */
    readonly encrypted: readonly string[];
    /** Folder that relative paths in it start at. */
    readonly folder: string;
}

/** Reads a `Pulumi.<stack>.yaml`. */
export function readStackConfig(file: string, cwd: string): StackConfig {
    const full = path.resolve(cwd, file);
    let document: unknown;
    try {
        document = yaml.parse(fs.readFileSync(full, "utf8"));
    } catch (error) {
        throw new EdgeError(`the stack's configuration ${file} cannot be read: ${firstLine(error)}`);
    }
    const config = isRecord(document) ? (document.config ?? {}) : undefined;
    if (!isRecord(config)) {
        throw new EdgeError(`${file} is no stack's configuration: a map with a map config is expected`);
    }
    const encrypted: string[] = [];
    const values = new Map<string, string>();
    for (const [key, value] of Object.entries(config)) {
        const open = withoutSecrets(value, key, encrypted);
        if (open === undefined || open === null) continue;
        values.set(key, typeof open === "string" ? open : JSON.stringify(open));
    }
    return { values, encrypted, folder: path.dirname(full) };
}

/** Pulumi writes an encrypted value as `{ secure: … }`, at any depth. */
function withoutSecrets(value: unknown, where: string, encrypted: string[]): unknown {
    if (Array.isArray(value)) {
        return value.map((item, i) => withoutSecrets(item, `${where}[${i}]`, encrypted));
    }
    if (!isRecord(value)) return value;
    if (typeof value.secure === "string" && Object.keys(value).length === 1) {
        encrypted.push(where);
        return undefined;
    }
    const entries = Object.entries(value).map(
        ([name, item]) => [name, withoutSecrets(item, `${where}.${name}`, encrypted)] as const,
    );
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

function firstLine(error: unknown): string {
    return messageOf(error).split("\n", 1)[0] ?? "";
}

import * as path from "node:path";
import { readCaFile } from "../http/caFile";
import type { Host } from "../resource/context";
import { closest } from "../resource/problem";
import { isRecord } from "../resource/unknown";

/** Which settings a system has. */
export interface SystemSettings<Field extends string> {
    /** `emf`: the block's name, and in capitals part of the variables'. */
    readonly name: string;
    readonly fields: readonly Field[];
    /** Those that must not stand in clear text in a stack's configuration. */
    readonly secrets: readonly Field[];
}

/** One system's settings: a block of configuration, and the environment above it, which wins. */
export class Sources<Field extends string> {
    readonly problems: string[] = [];
    private readonly key: string;
    private readonly block: Readonly<Record<string, unknown>>;
    private readonly prefix: string;
    private readonly path: string;

    /** Reads the block of `system`, or that of the named connection; what is wrong with it is in `problems`. */
    constructor(
        private readonly system: SystemSettings<Field>,
        connection: string | undefined,
        private readonly host: Pick<Host, "config" | "env" | "warn">,
    ) {
        const { name } = system;
        this.key = connection === undefined ? `edge-os:${name}` : "edge-os:connections";
        this.path =
            connection === undefined ? `edge-os:${name}` : `edge-os:connections["${connection}"].${name}`;
        const named =
            connection === undefined ? "" : `${connection.toUpperCase().replace(/[^A-Z0-9]/g, "_")}_`;
        this.prefix = `EDGE_OS_${named}${name.toUpperCase()}_`;
        this.block = this.readBlock(connection);
        for (const name of Object.keys(this.block)) this.checkKey(name);
    }

    get title(): string {
        return this.path;
    }

    value(field: Field): string | undefined {
        return this.fromEnv(field) ?? this.fromConfig(field);
    }

    fromEnv(field: Field): string | undefined {
        const value = this.host.env[this.variable(field)];
        return value === "" ? undefined : value;
    }

    fromConfig(field: Field): string | undefined {
        const value = this.block[field];
        return typeof value === "string" && value !== "" ? value : undefined;
    }

    /** `edge-os:emf.endpoint or EDGE_OS_EMF_ENDPOINT`. */
    where(field: Field): string {
        return `${this.path}.${field} or ${this.variable(field)}`;
    }

    /** Only the program's own process can see which configuration is secret. */
    warnOfOpenSecrets(): void {
        const secretKeys = this.host.env.PULUMI_CONFIG_SECRET_KEYS;
        if (secretKeys === undefined || secretKeys.includes(`"${this.key}"`)) return;
        for (const field of this.system.secrets) {
            if (this.fromConfig(field) === undefined) continue;
            this.host.warn(
                `${this.path}.${field} stands in clear text in the stack's configuration: ` +
                    `set it again with pulumi config set --secret --path, or use ${this.variable(field)}`,
            );
        }
    }

    private variable(field: Field): string {
        return this.prefix + field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    }

    private readBlock(connection: string | undefined): Readonly<Record<string, unknown>> {
        const text = this.host.config(this.key);
        if (text === undefined || text === "") return {};
        let whole: unknown;
        try {
            whole = JSON.parse(text);
        } catch {
            whole = undefined;
        }
        const block = connection === undefined ? whole : this.connectionBlock(whole, connection);
        if (isRecord(block)) return block;
        if (block !== undefined || connection === undefined) {
            this.problems.push(
                `${this.path} must be an object: set its fields with pulumi config set --path '${this.path}.endpoint' …`,
            );
        }
        return {};
    }

    private connectionBlock(connections: unknown, name: string): unknown {
        if (!isRecord(connections)) return connections ?? null;
        if (!(name in connections)) {
            const known = Object.keys(connections);
            const meant = closest(name, known);
            this.problems.push(
                `there is no connection ${JSON.stringify(name)} in edge-os:connections; ` +
                    (meant ? `did you mean ${meant}?` : `known are ${known.join(", ") || "none"}`),
            );
            return undefined;
        }
        const connection = connections[name];
        return isRecord(connection) ? connection[this.system.name] : connection;
    }

    private checkKey(name: string): void {
        const fields: readonly string[] = this.system.fields;
        if (!fields.includes(name)) {
            const meant = closest(name, fields);
            this.problems.push(
                `there is no setting ${JSON.stringify(name)}; ` +
                    (meant ? `did you mean ${meant}?` : `allowed are ${fields.join(", ")}`),
            );
        } else if (typeof this.block[name] !== "string") {
            this.problems.push(`${name} must be text`);
        }
    }
}

/** The address in a setting; what is wrong with it goes to `problems`. Nothing but https is taken. */
export function addressIn<Field extends string>(
    field: Field,
    sources: Sources<Field>,
    problems: string[],
    example: string,
): URL | undefined {
    const text = sources.value(field);
    const where = sources.where(field);
    if (text === undefined) {
        problems.push(`${field} is missing: ${where}, for example ${example}`);
        return undefined;
    }
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.username || url?.password) {
        problems.push(`${field} must not hold a user or password: use the settings of that name`);
    } else if (url?.protocol !== "https:") {
        problems.push(`${field} ${JSON.stringify(text)} must be an https:// address: ${where}`);
    } else if (url.search || url.hash) {
        problems.push(`${field} must not have a query or fragment: ${where}`);
    } else {
        return url;
    }
    return undefined;
}

/** The text of the CA file in a setting; that it is not there is only missing here. */
export function caIn<Field extends string>(
    field: Field,
    sources: Sources<Field>,
    projectDir: string,
    missingHere: string[],
): string | undefined {
    const file = sources.value(field);
    if (file === undefined) return undefined;
    const read = readCaFile(path.resolve(projectDir, file));
    if ("ca" in read) return read.ca;
    missingHere.push(`${field} ${file} ${read.fault}: ${sources.where(field)}`);
    return undefined;
}

/** All that is wrong with a system's settings, in one text. */
export function settingsReport(system: string, title: string, problems: readonly string[]): string {
    return [`${system} settings (${title}):`, ...problems.map((problem) => `  - ${problem}`)].join("\n");
}

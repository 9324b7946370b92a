import type { z } from "zod";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { closest, describeIssue, formatPath } from "../resource/problem";
import { isRecord } from "../resource/unknown";

/** Where one system's settings stand: a block of the stack's configuration, and the variables of the environment. */
export class SettingsBlock {
    /** `edge-os:emf`, or `edge-os:connections["plant-2"].emf`. */
    readonly title: string;
    /** What stands in the block; undefined where there is none. */
    readonly values: Readonly<Record<string, unknown>> | undefined;
    /** What is wrong with the block as a whole. */
    readonly problems: string[] = [];
    /** The key that holds the block, which is secret as a whole or not at all. */
    private readonly key: string;
    private readonly prefix: string;

    /** The block of a system, or that of the named connection. */
    constructor(
        private readonly system: string,
        connection: string | undefined,
        private readonly host: Pick<Host, "config" | "env">,
    ) {
        const isNamed = connection !== undefined;
        this.key = isNamed ? "edge-os:connections" : `edge-os:${system}`;
        this.title = isNamed ? `edge-os:connections["${connection}"].${system}` : this.key;
        this.prefix = `EDGE_OS_${isNamed ? `${inVariable(connection)}_` : ""}${system.toUpperCase()}_`;
        this.values = this.read(connection);
    }

    /** `EDGE_OS_EMF_CLIENT_ID` of `clientId`. */
    variable(field: string): string {
        return this.prefix + field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    }

    fromEnv(field: string): string | undefined {
        const value = this.host.env[this.variable(field)];
        return value === "" ? undefined : value;
    }

    /** Says of fields that hold a secret that everybody can read them, and which variable would take each. */
    warnOfOpenSecrets(
        fields: readonly { readonly field: string; readonly variable: string }[],
        { warn }: Pick<Host, "warn">,
    ): void {
        // Only the program's own process can see which configuration is secret.
        const secretKeys = this.host.env.PULUMI_CONFIG_SECRET_KEYS;
        if (secretKeys === undefined || secretKeys.includes(`"${this.key}"`)) return;
        for (const { field, variable } of fields) {
            warn(
                `${this.title}.${field} stands in clear text in the stack's configuration: ` +
                    `set it again with pulumi config set --secret --path, or use ${variable}`,
            );
        }
    }

    private read(connection: string | undefined): Readonly<Record<string, unknown>> | undefined {
        const text = this.host.config(this.key);
        if (text === undefined || text === "") return undefined;
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
                `${this.title} must be an object: set its fields with pulumi config set --path '${this.title}.<field>' …`,
            );
        }
        return undefined;
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
        return isRecord(connection) ? connection[this.system] : connection;
    }
}

/** The fields of a block whose values are more than text, checked as a whole. */
export function fieldsIn<Fields extends z.ZodType>(
    label: string,
    block: SettingsBlock,
    fields: Fields,
): z.output<Fields> {
    const parsed = fields.safeParse(block.values ?? {}, { reportInput: true });
    const problems = [...block.problems, ...(parsed.error?.issues ?? []).map(describeField)];
    if (problems.length > 0) throw new EdgeError(settingsReport(label, block.title, problems));
    return parsed.data as z.output<Fields>;
}

/** All that is wrong with a system's settings, in one text. */
export function settingsReport(system: string, title: string, problems: readonly string[]): string {
    return [`${system} settings (${title}):`, ...problems.map((problem) => `  - ${problem}`)].join("\n");
}

/** A name as part of a variable's: `registry.example.com:5000` as `REGISTRY_EXAMPLE_COM_5000`. */
export function inVariable(name: string): string {
    return name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

function describeField(issue: z.core.$ZodIssue): string {
    const aboutKey = issue.code === "invalid_key" ? issue.issues[0] : undefined;
    return `${formatPath(issue.path)} ${describeIssue(aboutKey ?? issue)}`.trim();
}

import * as path from "node:path";
import { readCaFile } from "../http/caFile";
import type { Host } from "../resource/context";
import { closest } from "../resource/problem";
import { SettingsBlock } from "./block";

/** Which settings a system has. */
export interface SystemSettings<Field extends string> {
    /** `emf`: the block's name, and in capitals part of the variables'. */
    readonly name: string;
    readonly fields: readonly Field[];
    /** Those that must not stand in clear text in a stack's configuration. */
    readonly secrets: readonly Field[];
}

/** One system's settings, all of them text: a block of configuration, and the environment above it, which wins. */
export class Sources<Field extends string> {
    readonly problems: readonly string[];
    private readonly block: SettingsBlock;

    /** Reads the block of `system`, or that of the named connection; what is wrong with it is in `problems`. */
    constructor(
        private readonly system: SystemSettings<Field>,
        connection: string | undefined,
        private readonly host: Pick<Host, "config" | "env" | "warn">,
    ) {
        this.block = new SettingsBlock(system.name, connection, host);
        const fields = Object.entries(this.block.values ?? {});
        this.problems = [
            ...this.block.problems,
            ...fields.flatMap(([name, value]) => fieldProblem(name, value, system.fields) ?? []),
        ];
    }

    get title(): string {
        return this.block.title;
    }

    value(field: Field): string | undefined {
        return this.fromEnv(field) ?? this.fromConfig(field);
    }

    fromEnv(field: Field): string | undefined {
        return this.block.fromEnv(field);
    }

    fromConfig(field: Field): string | undefined {
        const value = this.block.values?.[field];
        return typeof value === "string" && value !== "" ? value : undefined;
    }

    /** `edge-os:emf.endpoint or EDGE_OS_EMF_ENDPOINT`. */
    where(field: Field): string {
        return `${this.title}.${field} or ${this.block.variable(field)}`;
    }

    warnOfOpenSecrets(): void {
        const open = this.system.secrets.filter((field) => this.fromConfig(field) !== undefined);
        const fields = open.map((field) => ({ field, variable: this.block.variable(field) }));
        this.block.warnOfOpenSecrets(fields, this.host);
    }
}

function fieldProblem(name: string, value: unknown, fields: readonly string[]): string | undefined {
    if (fields.includes(name)) return typeof value === "string" ? undefined : `${name} must be text`;
    const meant = closest(name, fields);
    return (
        `there is no setting ${JSON.stringify(name)}; ` +
        (meant ? `did you mean ${meant}?` : `allowed are ${fields.join(", ")}`)
    );
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

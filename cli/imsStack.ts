import { claimAuthor, newClaim, ownerOf } from "../provider/resource/claim";
import { EdgeError } from "../provider/resource/errors";
import { UsageError, type Terminal } from "./command";
import type { CommandHost } from "./connection";
import { readStackExport } from "./stackExport";

/** Options that tell the stack which a command is about. */
export const STACK_OPTIONS = {
    state: { type: "string" },
    project: { type: "string" },
    stack: { type: "string" },
    owner: { type: "string" },
} as const;

export const STACK_HELP = `  --state FILE        the stack, as pulumi stack export writes it (- for standard input): names its resources
  --project, --stack  the stack, where there is no --state
  --owner NAME        the stack's edge-os:owner, if it has one; default: that of --config`;

interface StackFlags {
    readonly state?: string | undefined;
    readonly project?: string | undefined;
    readonly stack?: string | undefined;
    readonly owner?: string | undefined;
}

/** What is known of a stack: the part of its claims and, where its state was given, its rows. */
export interface ImsStack {
    readonly owner: string;
    readonly rows?: {
        /** Names of its resources, by the part that all claims of one have. */
        readonly names: ReadonlyMap<string, string>;
        /** The claims that it has written, and still has. */
        readonly claims: ReadonlySet<unknown>;
    };
}

export function assertWholeStack({ project, stack }: StackFlags): void {
    if ((project === undefined) === (stack === undefined)) return;
    throw new UsageError("--project and --stack belong together: they tell one stack");
}

/** Reads what the command line tells of the stack. */
export async function stackOf(
    flags: StackFlags,
    host: CommandHost,
    terminal: Terminal,
): Promise<ImsStack | undefined> {
    const name = flags.owner ?? host.config("edge-os:owner");
    const named = name === undefined ? {} : { owner: name };
    const { state, project, stack } = flags;
    if (state === undefined) {
        if (project === undefined || stack === undefined) return undefined;
        return { owner: ownerOf({ ...named, project, stack }) };
    }
    const exported = await readStackExport(state, terminal);
    if (project !== undefined && (project !== exported.project || stack !== exported.stack)) {
        throw new EdgeError(
            `the state is of stack ${exported.stack} of project ${exported.project}, and not of ${stack ?? ""} of ${project}`,
        );
    }
    const owner = ownerOf({ ...named, project: exported.project, stack: exported.stack });
    const names = exported.rows.map(({ urn }): [string, string] => [
        claimAuthor(newClaim(owner, urn, (bytes) => Buffer.alloc(bytes))),
        urn.split("::").at(-1) ?? urn,
    ]);
    const claims = exported.rows.map(({ outputs }) => outputs.claim);
    return { owner, rows: { names: new Map(names), claims: new Set(claims) } };
}

/** Name of the resource in the program that has made a claim or token; null where the state has none. */
export function resourceOf(claim: string, { rows }: ImsStack): string | null {
    return rows?.names.get(claimAuthor(claim)) ?? null;
}

import * as path from "node:path";
import type { EmfClient } from "../provider/emf/client";
import { InUse } from "../provider/emf/errors";
import { claimOfProfile } from "../provider/emf/osProfile.plan";
import { ownerOf } from "../provider/resource/claim";
import { EdgeError, messageOf } from "../provider/resource/errors";
import { parseWords, UsageError, type Command, type ExitCode, type Terminal } from "./command";
import { CONNECTION_OPTIONS, type CommandHost } from "./connection";
import { CONNECTION_HELP, withEmf } from "./emfConnection";
import { findCandidates, type Candidate, type Stack, type Standing, type Unused } from "./pruneCandidates";
import { findUnusedImages, type UnusedImage } from "./pruneImages";
import { readStackExport } from "./stackExport";
import { count, formatTable } from "./table";

const HELP = `usage: edge-os prune [--state FILE] [--yes] [--project NAME --stack NAME] [--owner NAME] [--json]
                     [--config FILE] [--connection NAME]

Lists OS profiles and custom configs which this package has made and no instance uses: old versions that were still
in use when their stack let go of them. With --state also published images that neither the stack nor any OS profile
names, in the folders (relative to --dir), buckets and registries that the stack publishes to. Shows only; --yes deletes
those of the given stack.

  --state FILE        the stack, as pulumi stack export writes it (- for standard input): what it still has is left
                      out. Needed for --yes
  --dir FOLDER        the program's folder; default: that of --config, else the current one
  --project, --stack  the stack, where there is no --state
  --owner NAME        the stack's edge-os:owner, if it has one; default: that of --config

${CONNECTION_HELP}`;

const OPTIONS = {
    state: { type: "string" },
    yes: { type: "boolean" },
    project: { type: "string" },
    stack: { type: "string" },
    owner: { type: "string" },
    dir: { type: "string" },
    json: { type: "boolean" },
    ...CONNECTION_OPTIONS,
} as const;

type Flags = ReturnType<typeof parse>;

function parse(words: readonly string[]) {
    return parseWords(words, OPTIONS, []).flags;
}

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const flags = parse(words);
        if (flags.yes && flags.state === undefined) {
            throw new UsageError(
                "--yes needs --state, so that nothing is deleted which the stack still has " +
                    "(pulumi stack export | edge-os prune --state - --yes)",
            );
        }
        if ((flags.project === undefined) !== (flags.stack === undefined)) {
            throw new UsageError("--project and --stack belong together: they tell one stack");
        }
        return withEmf<ExitCode>(flags, terminal, async (client, host) => {
            const stack = await stackOf(flags, host, terminal);
            const projectDir =
                flags.dir === undefined ? host.projectDir : path.resolve(terminal.cwd, flags.dir);
            const candidates: Unused[] = [
                ...(await findCandidates(client, stack)),
                ...(await findUnusedImages(client, stack, { ...host, projectDir })),
            ];
            const outcomes = flags.yes ? await removeOld(candidates, client) : new Map<string, string>();
            const text = flags.json
                ? JSON.stringify(
                      candidates.map((one) => withOutcome(one, outcomes)),
                      undefined,
                      4,
                  )
                : asText(candidates, outcomes, flags, client);
            terminal.out(`${text}\n`);
            return [...outcomes.values()].some((outcome) => outcome !== DELETED) ? 1 : 0;
        });
    },
};

async function stackOf(flags: Flags, host: CommandHost, terminal: Terminal): Promise<Stack | undefined> {
    const owner = flags.owner ?? host.config("edge-os:owner");
    const named = owner === undefined ? {} : { owner };
    if (flags.state !== undefined) {
        const exported = await readStackExport(flags.state, terminal);
        const { project, stack } = exported;
        if (flags.project !== undefined && (flags.project !== project || flags.stack !== stack)) {
            throw new EdgeError(
                `the state is of stack ${stack} of project ${project}, and not of ${flags.stack ?? ""} of ${flags.project}`,
            );
        }
        return { owner: ownerOf({ ...named, project, stack }), export: exported };
    }
    const { project, stack } = flags;
    if (project === undefined || stack === undefined) return undefined;
    return { owner: ownerOf({ ...named, project, stack }) };
}

const DELETED = "deleted";

/** What became of each old object, by id. One that cannot be deleted is no reason to leave the others. */
async function removeOld(candidates: readonly Unused[], client: EmfClient): Promise<Map<string, string>> {
    const outcomes = new Map<string, string>();
    for (const candidate of candidates.filter(({ standing }) => standing === "old")) {
        try {
            const outcome = isImage(candidate)
                ? await removeImage(candidate)
                : await remove(candidate as Candidate, client);
            outcomes.set(candidate.id, outcome);
        } catch (error) {
            const reason = error instanceof InUse ? "it is in use by now" : messageOf(error);
            outcomes.set(candidate.id, `not deleted: ${reason}`);
        }
    }
    return outcomes;
}

function isImage(candidate: Unused): candidate is UnusedImage {
    return "remove" in candidate;
}

async function removeImage(image: UnusedImage): Promise<string> {
    const outcome = await image.remove();
    return outcome === "removed" ? DELETED : "not deleted: it was there before this package published it";
}

async function remove({ collection, id, claim }: Candidate, client: EmfClient): Promise<string> {
    if (collection === "os") {
        const present = await client.get("os", id);
        if (present && claimOfProfile(present) !== claim)
            return "not deleted: another resource has taken it over";
    }
    await client.remove(collection, id);
    return DELETED;
}

const WORDS: Readonly<Record<Standing, string>> = {
    old: "of this stack, which has it no more",
    unsure: "of this stack; --state tells whether it still has it",
    foreign: "of another stack",
    unproven: "named as this package does; not known whose",
};

function withOutcome(candidate: Unused, outcomes: ReadonlyMap<string, string>): object {
    const outcome = outcomes.get(candidate.id);
    return outcome === undefined ? candidate : { ...candidate, outcome };
}

function asText(
    candidates: readonly Unused[],
    outcomes: ReadonlyMap<string, string>,
    flags: Flags,
    client: EmfClient,
): string {
    const where = `in project ${client.settings.project}`;
    if (candidates.length === 0) return `nothing of this package is unused ${where}`;
    const rows = candidates.map(({ kind, id, name, claim = "", standing }) => [
        kind,
        name,
        id,
        claim.slice(0, claim.indexOf("-")) || "-",
        outcomes.get(id) ??
            (standing === "foreign" && !knowsStack(flags) ? "of some stack" : WORDS[standing]),
    ]);
    const old = candidates.filter(({ standing }) => standing === "old").length;
    const deleted = [...outcomes.values()].filter((outcome) => outcome === DELETED).length;
    const end = flags.yes
        ? `${count(deleted, "object")} deleted`
        : knowsStack(flags)
          ? `--yes would delete ${count(old, "object")}`
          : "--state FILE tells which are of a stack, and old";
    return [
        formatTable(["KIND", "NAME", "ID", "STACK", ""], rows),
        "",
        `${count(candidates.length, "object")} that nothing uses ${where}; ${end}`,
    ].join("\n");
}

function knowsStack({ state, stack }: Flags): boolean {
    return state !== undefined || stack !== undefined;
}

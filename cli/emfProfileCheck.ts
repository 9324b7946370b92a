import * as path from "node:path";
import type { EmfClient } from "../provider/emf/client";
import { certificateFaults, fingerprintOf } from "../provider/emf/certificate";
import { osProfile } from "../provider/emf/osProfile.handler";
import { createBody } from "../provider/emf/osProfile.plan";
import type { OsProfileInputs } from "../provider/emf/osProfile.schema";
import { readProfileYaml } from "../provider/emf/osProfileYaml";
import { checkInputs } from "../provider/resource/check";
import type { AnyResource } from "../provider/resource/definition";
import { formatPath, type Problem } from "../provider/resource/problem";
import { UNKNOWN } from "../provider/resource/unknown";
import { checkContext, NotAsked } from "./checkContext";
import { parseWords, type Command, type Terminal } from "./command";
import { CONNECTION_OPTIONS } from "./connection";
import { CONNECTION_HELP, hasEmfSettings, withEmf } from "./emfConnection";
import { count } from "./table";

const HELP = `usage: edge-os emf profile check FILE [--json] [--config FILE] [--connection NAME]

Checks an OS profile's YAML (orch-cli's form or the guides') by the rules of OsProfile at preview, and shows what EMF
would get. Exit code 1 when something is wrong. The image's server is asked for its certificate; with settings for
EMF, names that are taken are found too.

${CONNECTION_HELP}`;

/** In the place of what only a stack can give: letters that metadata may hold. */
const CLAIM = "<claim-of-the-stack>";

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const options = { json: { type: "boolean" }, ...CONNECTION_OPTIONS } as const;
        const { flags, given } = parseWords(words, options, ["FILE"]);
        const file = path.resolve(terminal.cwd, given.FILE);
        const asked = hasEmfSettings(flags, terminal);
        const outcome = asked
            ? await withEmf(flags, terminal, (client) => checkFile(file, () => client))
            : await checkFile(file, notAsked);
        const report = flags.json ? asJson : asText;
        report({ file: path.basename(file), asked, ...outcome }, terminal);
        return outcome.problems.length > 0 ? 1 : 0;
    },
};

interface Outcome {
    problems: Problem[];
    warnings: string[];
    /** What EMF would get; absent with problems. */
    request?: Record<string, unknown>;
}

interface Report extends Outcome {
    file: string;
    asked: boolean;
}

async function checkFile(file: string, client: () => EmfClient): Promise<Outcome> {
    const warnings: string[] = [];
    const fields = readProfileYaml(file);
    const title = `OS profile ${JSON.stringify(fields.name ?? path.basename(file))}`;
    const context = checkContext({ title, client, projectDir: path.dirname(file), warnings });
    const definition = osProfile as unknown as AnyResource;
    const { inputs, problems } = await checkInputs(definition, fields, undefined, context);
    if (problems.length > 0) return { problems, warnings };
    const { pinnedCertificate } = inputs;
    const known = pinnedCertificate === UNKNOWN ? { ...inputs, pinnedCertificate: undefined } : inputs;
    const request: Record<string, unknown> = createBody(known as unknown as OsProfileInputs, CLAIM);
    if (pinnedCertificate === UNKNOWN) request.tlsCaCert = "<the certificate the image's server shows then>";
    return { problems, warnings, request };
}

function notAsked(): never {
    throw new NotAsked("EMF was not asked");
}

function asJson(report: Report, terminal: Terminal): void {
    const problems = report.problems.map(({ path: at, message }) => ({ input: formatPath(at), message }));
    terminal.out(`${JSON.stringify({ ...report, problems }, undefined, 4)}\n`);
}

function asText({ file, asked, problems, warnings, request }: Report, terminal: Terminal): void {
    if (problems.length > 0) {
        const lines = problems.map(({ path: at, message }) => {
            const where = at.length > 0 ? `${formatPath(at)}: ` : "";
            return `  ${where}${message.replaceAll("\n", "\n  ")}`;
        });
        terminal.err(`${file} has ${count(problems.length, "problem")}:\n${lines.join("\n")}\n`);
    }
    for (const warning of warnings) terminal.err(`warning: ${warning}\n`);
    if (!request) return;
    const names = asked
        ? "and EMF takes the name"
        : "as far as can be told without EMF (no EDGE_OS_EMF_… in the environment, no --config)";
    terminal.out(`${file}: nothing is wrong, ${names}\n\nPOST compute/os\n`);
    const width = Math.max(...Object.keys(request).map((key) => key.length));
    for (const [key, value] of Object.entries(request)) {
        terminal.out(
            `  ${key.padEnd(width)}  ${key === "tlsCaCert" ? certificateText(String(value)) : String(value)}\n`,
        );
    }
}

/** Thousands of letters say less than their fingerprint. */
function certificateText(encoded: string): string {
    const fingerprint = fingerprintOf(encoded);
    if (fingerprint === undefined) return encoded;
    const { warnings } = certificateFaults(encoded, Date.now());
    const note = warnings.length > 0 ? ", expires soon" : "";
    return `${encoded.slice(0, 16)}… (${encoded.length} characters${note}; SHA-256 fingerprint ${fingerprint})`;
}

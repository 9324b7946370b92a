import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "yaml";
import { type ImageCheck, isError } from "../provider/image/check";
import { type Expectations, expectations } from "../provider/image/expect.schema";
import { isImageError } from "../provider/image/library";
import { manifestOf } from "../provider/image/manifest";
import {
    describeSizes,
    findingsOf,
    reportMarkdown,
    sortChecks,
    titleOf,
    verdictLine,
} from "../provider/image/report";
import { nameOf } from "../provider/image/source/location";
import { type Verification, verifyImage } from "../provider/image/verifyImage";
import { EdgeError, messageOf } from "../provider/resource/errors";
import { describeIssue, formatPath } from "../provider/resource/problem";
import { isRecord } from "../provider/resource/unknown";
import { parseWords, type Command, type Terminal, UsageError } from "./command";
import { IMAGE_HELP, IMAGE_OPTIONS, imageLibrary } from "./imageLibrary";
import { ReadingProgress } from "./readingProgress";
import { formatTable } from "./table";

const HELP = `usage: edge-os verify IMAGE [--expect FILE|ubuntu|emt] [--secure-boot-cert FILE]… [--json|--markdown]
                      [--manifest FILE] [--config FILE]

Checks an image as DiskImage does, without Pulumi. Exit code 1 when a check fails.

  --expect FILE            what it must be and hold: "expect" of DiskImage as YAML or JSON; paths in it start at its
                           folder. ubuntu, emt: what EMF's guide asks of images of that kind
  --secure-boot-cert FILE  a certificate that the hosts' firmware trusts, PEM or DER; once for each
  --json                   verdict, checks and manifest for programs
  --markdown               the report for a pull request
  --manifest FILE          also writes what the image holds, for edge-os diff and edge-os fit

${IMAGE_HELP}`;

const OPTIONS = {
    expect: { type: "string" },
    "secure-boot-cert": { type: "string", multiple: true },
    json: { type: "boolean" },
    markdown: { type: "boolean" },
    manifest: { type: "string" },
    ...IMAGE_OPTIONS,
} as const;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const { flags, given } = parseWords(words, OPTIONS, ["IMAGE"]);
        if (flags.json && flags.markdown) throw new UsageError("--json and --markdown exclude each other");
        const { expect, folder } = readExpectations(flags.expect, terminal.cwd);
        const certificates = (flags["secure-boot-cert"] ?? []).map((file) =>
            path.resolve(terminal.cwd, file),
        );
        const all = certificates.length === 0 ? expect : withCertificates(expect, certificates);

        const image = imageLocation(given.IMAGE, terminal.cwd);
        const progress = new ReadingProgress(path.basename(image), terminal);
        let verification: Verification;
        try {
            verification = await verifyImage(
                {
                    ...{ source: image, folder },
                    ...(all ? { expect: all } : {}),
                    onProgress: (step) => progress.show(step),
                },
                imageLibrary(flags, terminal),
            );
        } catch (error) {
            throw isImageError(error) ? new EdgeError(`${nameOf(given.IMAGE)} ${messageOf(error)}`) : error;
        } finally {
            progress.end();
        }
        if (flags.manifest !== undefined) writeManifestFile(flags.manifest, verification, terminal);
        terminal.out(
            flags.json
                ? asJson(verification)
                : flags.markdown
                  ? asMarkdown(verification)
                  : asText(verification),
        );
        return verification.checks.some(isError) ? 1 : 0;
    },
};

/** Paths on the command line start where it is given, those in a file of expectations at that file's folder. */
function imageLocation(image: string, cwd: string): string {
    return /^[a-z][a-z0-9+.-]*:\/\//i.test(image) ? image : path.resolve(cwd, image);
}

const PRESETS = ["ubuntu", "emt"] as const;

function readExpectations(given: string | undefined, cwd: string): { expect?: Expectations; folder: string } {
    if (given === undefined) return { folder: cwd };
    const preset = PRESETS.find((name) => name === given);
    if (preset) return { expect: { preset }, folder: cwd };
    const file = path.resolve(cwd, given);
    const document = parseFile(file, given);
    const parsed = expectations.safeParse(document, { reportInput: true });
    if (parsed.success) return { expect: parsed.data, folder: path.dirname(file) };
    const reasons = parsed.error.issues.map((issue) =>
        `  ${formatPath(issue.path)} ${describeIssue(issue)}`.trimEnd(),
    );
    throw new EdgeError(`${given} cannot be used:\n${reasons.join("\n")}`);
}

function parseFile(file: string, given: string): unknown {
    let document: unknown;
    try {
        document = yaml.parse(fs.readFileSync(file, "utf8"));
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const reason =
            code === "ENOENT" ? "there is no such file, and it is neither ubuntu nor emt" : messageOf(error);
        throw new EdgeError(`--expect ${given} cannot be read: ${reason.split("\n", 1)[0] ?? ""}`);
    }
    // `expect:` around it is how it stands in a program.
    return isRecord(document) && isRecord(document.expect) ? document.expect : document;
}

function withCertificates(expect: Expectations | undefined, certificates: string[]): Expectations {
    const named = expect?.secureBoot?.certificates ?? [];
    return { ...expect, secureBoot: { certificates: [...named, ...certificates] } };
}

function writeManifestFile(file: string, { inspection, name }: Verification, terminal: Terminal): void {
    const content = JSON.stringify(manifestOf(inspection, name), undefined, 4);
    fs.writeFileSync(path.resolve(terminal.cwd, file), `${content}\n`);
}

function asJson({ name, inspection, checks }: Verification): string {
    const { failed, warnings, notChecked, passed } = sortChecks(checks);
    const counts = {
        ...{ failed: failed.length, warnings: warnings.length },
        ...{ notChecked: notChecked.length, passed: passed.length },
    };
    const content = { ok: failed.length === 0, counts, checks, manifest: manifestOf(inspection, name) };
    return `${JSON.stringify(content, undefined, 4)}\n`;
}

function asMarkdown({ name, inspection, checks }: Verification): string {
    return reportMarkdown(name, inspection, checks);
}

function asText({ name, inspection, checks }: Verification): string {
    const { failed, warnings, notChecked, passed } = sortChecks(checks);
    const { format, compression, sha256, contents } = inspection;
    const packed = compression === "none" ? format : `${format} in ${compression}`;
    const os = contents?.os?.prettyName ?? contents?.os?.id;
    return [
        `${name}: ${verdictLine(checks)}`,
        `  ${[os, packed, describeSizes(inspection)].filter(Boolean).join(", ")}`,
        `  SHA-256 ${sha256}`,
        ...problems("FAILED", failed),
        ...problems("WARNING", warnings),
        ...problems("not checked", notChecked),
        ...passedTable(passed),
        "",
    ].join("\n");
}

function problems(title: string, checks: readonly ImageCheck[]): string[] {
    return findingsOf(checks).flatMap(({ ids, seen, message }) => [
        "",
        `${title}  ${titleOf({ ids })}`,
        `  ${message}`,
        ...(seen === "" ? [] : [`  seen: ${seen}`]),
    ]);
}

function passedTable(checks: readonly ImageCheck[]): string[] {
    if (checks.length === 0) return [];
    return [
        "",
        formatTable(
            ["PASSED", "SEEN"],
            checks.map(({ id, seen }) => [id, seen]),
        ),
    ];
}

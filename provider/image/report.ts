import { type ImageCheck, isError, isWarning } from "./check";
import type { Inspection } from "./inspection";
import { bulletList, markdownCode, markdownText } from "./markdown";
import { formatSize } from "./size";

/** The checks of an image by what became of them. */
export interface SortedChecks {
    failed: ImageCheck[];
    warnings: ImageCheck[];
    notChecked: ImageCheck[];
    passed: ImageCheck[];
}

/** Sorts checks by verdict; each keeps its place among its like. */
export function sortChecks(checks: readonly ImageCheck[]): SortedChecks {
    return {
        failed: checks.filter(isError),
        warnings: checks.filter(isWarning),
        notChecked: checks.filter(({ verdict }) => verdict === "not-checked"),
        passed: checks.filter(({ verdict }) => verdict === "passed"),
    };
}

/** `2 of 31 checks failed, 1 warning, 3 not checked` */
export function verdictLine(checks: readonly ImageCheck[]): string {
    const { failed, warnings, notChecked, passed } = sortChecks(checks);
    const made = failed.length + warnings.length + passed.length;
    const head =
        failed.length > 0
            ? `${failed.length} of ${made} checks failed`
            : `${passed.length} ${passed.length === 1 ? "check" : "checks"} passed`;
    const rest = [
        warnings.length > 0 ? [`${warnings.length} ${warnings.length === 1 ? "warning" : "warnings"}`] : [],
        notChecked.length > 0 ? [`${notChecked.length} not checked`] : [],
    ].flat();
    return [head, ...rest].join(", ");
}

/** What one or more checks have found alike: all that is asked of a root file system that is not there, for example. */
export interface Finding extends Pick<ImageCheck, "seen" | "message"> {
    ids: string[];
}

/** Every finding once, where the first of its checks stands. */
export function findingsOf(checks: readonly ImageCheck[]): Finding[] {
    const findings = new Map<string, Finding>();
    for (const { id, seen, message } of checks) {
        const key = JSON.stringify([seen, message]);
        const known = findings.get(key);
        if (known) known.ids.push(id);
        else findings.set(key, { ids: [id], seen, message });
    }
    return [...findings.values()];
}

/** `root.present`, or `3 checks: os.id, root.kernel, package.nginx` */
export function titleOf({ ids }: Pick<Finding, "ids">): string {
    return ids.length === 1 ? (ids[0] ?? "") : `${ids.length} checks: ${ids.join(", ")}`;
}

/** What the report says about the image itself. */
export type ReportedImage = Pick<
    Inspection,
    "sha256" | "sizeBytes" | "format" | "compression" | "virtualSizeBytes" | "contents"
>;

const MOST = 200;

/** A report for a pull request: the verdict, what failed and what to do, warnings, what was not checked, the rest folded. */
export function reportMarkdown(name: string, image: ReportedImage, checks: readonly ImageCheck[]): string {
    return checksMarkdown(name, describeImage(image), checks);
}

/** The same of anything that was checked; `about` is a line on it. */
export function checksMarkdown(name: string, about: string, checks: readonly ImageCheck[]): string {
    const { failed, warnings, notChecked, passed } = sortChecks(checks);
    const sign = failed.length > 0 ? "❌" : warnings.length > 0 ? "⚠️" : "✅";
    const parts = [
        `## ${sign} ${markdownText(name)}: ${verdictLine(checks)}`,
        about,
        section("Failed", findingsOf(failed).map(describeProblem)),
        section("Warnings", findingsOf(warnings).map(describeProblem)),
        section("Not checked", findingsOf(notChecked).map(describeProblem)),
        folded(`Passed (${passed.length})`, passed.map(describePassed)),
    ];
    return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function describeImage({
    sha256,
    sizeBytes,
    format,
    compression,
    virtualSizeBytes,
    contents,
}: ReportedImage): string {
    const packed = compression === "none" ? format : `${format} in ${compression}`;
    const system = contents?.os?.prettyName ?? contents?.os?.id;
    const kernel = contents?.kernels?.at(-1)?.version;
    return [
        system === undefined ? [] : [markdownText(system)],
        contents?.architecture === undefined ? [] : [markdownText(contents.architecture)],
        kernel === undefined ? [] : [`kernel ${markdownText(kernel)}`],
        contents?.packages ? [`${contents.packages.packages.length} packages`] : [],
        [`${packed}, ${describeSizes({ sizeBytes, virtualSizeBytes })}`],
        [`SHA-256 ${markdownCode(sha256)}`],
    ]
        .flat()
        .join(" · ");
}

/** `1.2 GiB, disk of 4 GiB`; there is no disk in what could not be unpacked. */
export function describeSizes({
    sizeBytes,
    virtualSizeBytes,
}: Pick<ReportedImage, "sizeBytes" | "virtualSizeBytes">): string {
    const size = formatSize(sizeBytes);
    return virtualSizeBytes === 0 ? size : `${size}, disk of ${formatSize(virtualSizeBytes)}`;
}

function describeProblem({ ids, seen, message }: Finding): string {
    return `**${markdownText(titleOf({ ids }))}**: ${markdownText(message)} (seen: ${markdownText(seen)})`;
}

function describePassed({ id, seen }: ImageCheck): string {
    return `${markdownText(id)}: ${markdownText(seen)}`;
}

function section(title: string, lines: readonly string[]): string {
    return lines.length === 0 ? "" : [`### ${title}`, "", ...bulletList(lines, MOST)].join("\n");
}

function folded(title: string, lines: readonly string[]): string {
    if (lines.length === 0) return "";
    return [`<details><summary>${title}</summary>`, "", ...bulletList(lines, MOST), "", "</details>"].join(
        "\n",
    );
}

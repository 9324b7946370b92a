import { z } from "zod";
import type { Problem } from "../resource/problem";
import { failed, type ImageCheck, passed, printable } from "./check";
import { certificateText, readCertificates } from "./efi/enrolled";
import type { Expectations } from "./expect.schema";
import { checkName } from "./format";
import { EFI_SYSTEM } from "./gpt";
import type { Inspection } from "./inspection";
import { hasName } from "./judge/disk";
import { boundedText } from "./markdown";
import { findingsOf, reportMarkdown, sortChecks, titleOf } from "./report";
import { applySeverity } from "./severity";
import { formatSize } from "./size";

/** The checks as they are kept in the state: bounded, what failed first. */
export const shownChecks = z.array(
    z.object({
        id: z.string(),
        verdict: z.enum(["passed", "failed", "not-checked"]),
        severity: z.enum(["error", "warning"]).optional(),
        seen: z.string(),
        message: z.string(),
    }),
);

/** What other resources hold against what they promise of the image. */
export const imageTraits = z.object({
    efiSystemPartition: z.boolean(),
    /** Boot partition, root and `edge_persistent` where the Edge Microvisor Toolkit has them. */
    microvisorLayout: z.boolean(),
    /** Whether every program on the way to the kernel is signed. */
    signedBootPath: z.boolean(),
    /** `ID` of os-release. */
    operatingSystem: z.string().optional(),
    architecture: z.string().optional(),
});

const MAX_CHECKS = 120;
const MAX_REPORT = 12_000;

interface SeenImage {
    inspection: Inspection;
    /** What `expect.sha256` comes to. */
    expectedSha256?: string;
}

/** All checks of an image, with what the user makes of their failures. */
export function judge(
    source: string,
    { inspection, expectedSha256 }: SeenImage,
    expect: Expectations | undefined,
): ImageCheck[] {
    const checks = [
        ...inspection.checks,
        checkName(source, inspection),
        ...fileChecks({ ...expect, sha256: expectedSha256 }, inspection),
    ];
    return applySeverity(checks, expect?.severity);
}

/** What is expected of the file rather than of what is in it. */
function fileChecks(expect: Expectations, { sha256, format, sizeBytes }: Inspection): ImageCheck[] {
    const checks: ImageCheck[] = [];
    if (expect.sha256 !== undefined) {
        const message = `is ${expect.sha256}, but the file's is ${sha256}: it is another image, or was damaged on the way`;
        checks.push(verdict("expect.sha256", expect.sha256 === sha256, sha256, message));
    }
    if (expect.format !== undefined) {
        const message = `is ${expect.format}, but the file is ${format}`;
        checks.push(verdict("expect.format", expect.format === format, format, message));
    }
    if (expect.maxSizeBytes !== undefined) {
        const seen = formatSize(sizeBytes);
        const message = `is ${formatSize(expect.maxSizeBytes)}, but the file has ${seen}: compress it, or make it smaller`;
        checks.push(verdict("expect.maxSizeBytes", sizeBytes <= expect.maxSizeBytes, seen, message));
    }
    // The guide asks for a checksum; every published image has one.
    if (expect.preset !== undefined) checks.push(passed(`${expect.preset}.checksum`, sha256));
    return checks;
}

function verdict(id: string, isMet: boolean, seen: string, message: string): ImageCheck {
    return isMet ? passed(id, seen) : failed(id, seen, message);
}

/** Failed checks as problems of the input that they are about. */
export function problemsOf(checks: readonly ImageCheck[]): Problem[] {
    return findingsOf(checks).map((finding) => {
        const { ids, seen, message } = finding;
        const [first, field] = (ids[0] ?? "").split(".");
        if (first === "expect" && field !== undefined) return { path: ["expect", field], message };
        return { path: ["source"], message: `${titleOf(finding)}: ${message} (seen: ${seen})` };
    });
}

/** What the inputs say of a file and the verdict on it. */
export function valuesOf(source: string, inspection: Inspection, checks: readonly ImageCheck[]): ImageValues {
    const { sha256, sizeBytes, format, compression, virtualSizeBytes } = inspection;
    const { failed: errors, warnings, notChecked, passed: fine } = sortChecks(checks);
    return {
        ...{ sha256, sizeBytes, format, compression, virtualSizeBytes },
        partitions: inspection.partitions.map(({ index, name, type, sizeBytes: size }) => ({
            ...{ index, name, type },
            sizeBytes: size,
        })),
        checksPassed: fine.length,
        checks: [...errors, ...warnings, ...notChecked, ...fine].slice(0, MAX_CHECKS).map(shorten),
        report: boundedText(reportMarkdown(source, inspection, checks), MAX_REPORT),
        traits: traitsOf(inspection),
    };
}

type ImageValues = Pick<
    Inspection,
    "sha256" | "sizeBytes" | "format" | "compression" | "virtualSizeBytes"
> & {
    partitions: { index: number; name: string; type: string; sizeBytes: number }[];
    checksPassed: number;
    checks: z.output<typeof shownChecks>;
    report: string;
    traits: z.output<typeof imageTraits>;
};

function shorten({ id, verdict: found, severity, seen, message }: ImageCheck): ImageValues["checks"][number] {
    return {
        id: printable(id, 120),
        verdict: found,
        ...(severity === undefined ? {} : { severity }),
        seen: printable(seen, 120),
        message: printable(message, 300),
    };
}

function traitsOf({ partitions, boot, contents }: Inspection): ImageValues["traits"] {
    const at = (number: number): Inspection["partitions"][number] | undefined =>
        partitions.find(({ index }) => index === number);
    const persistent = at(3);
    const { os, architecture } = contents ?? {};
    return {
        efiSystemPartition: partitions.some(({ type }) => type === EFI_SYSTEM),
        microvisorLayout:
            at(1)?.type === EFI_SYSTEM &&
            at(2)?.fileSystem !== undefined &&
            persistent !== undefined &&
            hasName(persistent, "edge_persistent"),
        signedBootPath: boot?.signed === true,
        ...(os ? { operatingSystem: os.id } : {}),
        ...(architecture === undefined ? {} : { architecture }),
    };
}

/** The expectations with the texts of certificates in the place of their files. */
export function withCertificates(
    expect: Expectations | undefined,
    projectDir: string,
): { expect?: Expectations } | { problems: Problem[] } {
    const given = expect?.secureBoot?.certificates;
    if (!expect || !given) return expect ? { expect } : {};
    const problems: Problem[] = [];
    const texts = given.map((one, at) => {
        const text = certificateText(one, projectDir);
        const problem =
            text === undefined
                ? `names a file that is not there: ${JSON.stringify(one)} (relative to the program's folder)`
                : readCertificates(text).problem;
        if (problem !== undefined) {
            problems.push({ path: ["expect", "secureBoot", "certificates", at], message: problem });
        }
        return text ?? "";
    });
    return problems.length > 0
        ? { problems }
        : { expect: { ...expect, secureBoot: { certificates: texts } } };
}

import { failed, type ImageCheck, isError, notChecked, passed } from "../check";
import type { Signature } from "./authenticode";
import type { BootGap, BootLink, BootPath } from "./bootChain";
import type { Certificate } from "./certificate";
import type { Shim } from "./shim";
import { anchorOf, brokenChain } from "./trust";

/** What becomes of one program when it is to be started. */
type Judgement = { starts: true; because: string } | { starts: false; reason: string };

/** Judges each step from the firmware to the kernel as whoever makes it would, with these certificates enrolled. */
export function checkSecureBoot(path: BootPath, enrolled: readonly Certificate[]): ImageCheck[] {
    const [loader] = path.links;
    if (!loader) return [];
    const signed = signedCheck(loader);
    return [
        signed,
        // Whom a signature leads to is no question where there is none in order.
        ...(isError(signed) ? [] : [chainCheck(loader, enrolled)]),
        ...stageCheck("secureboot.next-stage", "next", path, enrolled),
        ...stageCheck("secureboot.kernel", "kernel", path, enrolled),
    ];
}

/** Programs of the path that carry no signature in order: with these no certificate helps. */
export function unsignedPrograms({ links }: BootPath): string[] {
    return links
        .filter(({ loaded, judge }) => !isSigned(loaded.file, judge))
        .map(({ loaded }) => loaded.file.path);
}

function isSigned(
    { signers, authenticodeSha256 }: BootLink["loaded"]["file"],
    judge: BootLink["judge"],
): boolean {
    return signers.length > 0 || (judge !== "firmware" && judge.hashes.includes(authenticodeSha256));
}

function signedCheck({ loaded }: BootLink): ImageCheck {
    const id = "secureboot.signed";
    const { file, program } = loaded;
    const sound = (program?.signatures ?? []).filter(({ problem }) => problem === undefined);
    if (sound.length > 0) {
        const check = passed(id, `${file.path}: ${sound.map(describeSigner).join("; ")}`);
        return sound.every(({ hash }) => hash === "sha1") ? withSha1Warning(check, file.path) : check;
    }
    const { seen, reason } = whyUnsigned(loaded);
    return failed(
        id,
        seen,
        `${file.path} ${reason}: with Secure Boot on, firmware refuses it. Sign it (sbsign)`,
    );
}

function withSha1Warning(check: ImageCheck, path: string): ImageCheck {
    const message = `${path} is signed over its SHA-1 only, which newer firmware refuses: sign it over its SHA-256`;
    return { ...check, verdict: "failed", severity: "warning", message };
}

function whyUnsigned({ file, program }: BootLink["loaded"]): { seen: string; reason: string } {
    const [problem] = file.problems;
    if (!program) return { seen: `${file.path}: unreadable`, reason: problem ?? "cannot be read" };
    if (program.signatures.length === 0)
        return { seen: `${file.path}: no signature`, reason: "is not signed" };
    return {
        seen: `${file.path}: no signature in order`,
        reason: `has a signature that is refused (${problem ?? "unsound"})`,
    };
}

function chainCheck(loader: BootLink, enrolled: readonly Certificate[]): ImageCheck {
    const id = "secureboot.chain";
    const { file } = loader.loaded;
    const judgement = judge(loader, enrolled);
    return judgement.starts
        ? passed(id, `${file.path}: ${judgement.because}`)
        : failed(
              id,
              seenOf(loader),
              `${file.path} ${judgement.reason}: firmware answers Access Denied. ${remedy(enrolled)}`,
          );
}

function stageCheck(
    id: string,
    stage: "next" | "kernel",
    path: BootPath,
    enrolled: readonly Certificate[],
): ImageCheck[] {
    const links = path.links.filter((link) => link.stage === stage);
    const judged = links.map((link) => ({ link, judgement: judge(link, enrolled) }));
    const refusals = judged.flatMap(({ link, judgement }) =>
        judgement.starts ? [] : [{ link, ...judgement }],
    );
    const gap = path.gaps.find((one) => one.stage === stage && (one.isMissing || links.length === 0));
    const [first, ...others] = refusals;
    if (first) {
        const more =
            others.length > 0
                ? `; likewise ${others.map(({ link }) => link.loaded.file.path).join(", ")}`
                : "";
        const who = first.link.judge === "firmware" ? "firmware" : "shim";
        const message = `${placeOf(first.link)} ${first.reason}${more}: ${who} does not start it. ${remedy(enrolled)}`;
        return [failed(id, seenOf(first.link), message)];
    }
    if (gap) return [gapCheck(id, gap)];
    if (judged.length === 0) return [];
    const seen = judged.map(
        ({ link, judgement }) => `${placeOf(link)}: ${judgement.starts ? judgement.because : ""}`,
    );
    return [passed(id, seen.join("; "))];
}

function gapCheck(id: string, { isMissing, seen, message }: BootGap): ImageCheck {
    return isMissing ? failed(id, seen, message) : notChecked(id, seen, message);
}

/** What the firmware or the shim makes of a program. */
function judge(link: BootLink, enrolled: readonly Certificate[]): Judgement {
    const { loaded, judge: by } = link;
    const { program, file } = loaded;
    if (!program) return { starts: false, reason: file.problems[0] ?? "cannot be read" };
    if (by === "firmware") return judgeSignatures(program.signatures, enrolled, "the enrolled");
    return judgeByShim(link, by, enrolled);
}

/** Shim, like firmware, but with its vendor's lists besides, and over SHA-256 only (shim.c, verify_buffer). */
function judgeByShim(
    { loaded, needsSbat }: BootLink,
    shim: Shim,
    enrolled: readonly Certificate[],
): Judgement {
    const { program, file, sbat } = loaded;
    const signatures = program?.signatures ?? [];
    const isForbidden =
        shim.forbiddenHashes.includes(file.authenticodeSha256) ||
        signatures.some((signature) => anchorOf(signature, shim.forbiddenCertificates) !== undefined);
    if (isForbidden)
        return { starts: false, reason: "is on the list of what this shim never starts (revoked)" };
    if (needsSbat && sbat === "") {
        return { starts: false, reason: "has no section .sbat, which shim requires of what it starts" };
    }
    if (shim.hashes.includes(file.authenticodeSha256)) return { starts: true, because: "listed in the shim" };
    const overSha256 = signatures.filter(({ hash, problem }) => problem !== undefined || hash === "sha256");
    if (signatures.length > 0 && overSha256.length === 0) {
        return {
            starts: false,
            reason: "is signed, but not over its SHA-256, and shim looks at no other digest",
        };
    }
    return judgeSignatures(overSha256, [...enrolled, ...shim.certificates], "the shim's and the enrolled");
}

function judgeSignatures(
    signatures: readonly Signature[],
    trusted: readonly Certificate[],
    whose: string,
): Judgement {
    for (const signature of signatures) {
        const anchor = anchorOf(signature, trusted);
        if (anchor)
            return { starts: true, because: `${describeSigner(signature)}, trusted through ${anchor.name}` };
    }
    if (signatures.length === 0) return { starts: false, reason: "is not signed" };
    const sound = signatures.filter(({ problem }) => problem === undefined);
    const [first] = sound;
    if (!first)
        return {
            starts: false,
            reason: `has a signature that is refused (${signatures[0]?.problem ?? "unsound"})`,
        };
    const names = trusted.map(({ name }) => name).join(", ") || "none";
    const broken = sound
        .map((signature) => brokenChain(signature, trusted))
        .find((problem) => problem !== undefined);
    const why = broken === undefined ? "" : ` (${broken})`;
    return {
        starts: false,
        reason: `is ${sound.map(describeSigner).join(" and ")}, which leads to none of ${whose} certificates (${names})${why}`,
    };
}

function describeSigner({ signer }: Signature): string {
    if (!signer) return "signed by nobody named";
    return signer.isSelfIssued
        ? `signed by ${signer.name}`
        : `signed by ${signer.name} (issued by ${signer.issuer})`;
}

function seenOf({ loaded }: BootLink): string {
    const { file } = loaded;
    return `${file.path}: ${file.signers.length > 0 ? `signed by ${file.signers.join(" and ")}` : "no signature in order"}`;
}

function placeOf({ loaded }: BootLink): string {
    return loaded.file.path;
}

function remedy(enrolled: readonly Certificate[]): string {
    const names = enrolled.map(({ name }) => name).join(", ");
    return `Sign it with a key of ${names}, or enrol the certificate of its signer on the hosts and add it to expect.secureBoot.certificates`;
}

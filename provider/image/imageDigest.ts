import { z } from "zod";
import { locationProblem } from "./source/location";

/** `expect.sha256`: the digest itself, or the checksum file that holds it. */
export const imageDigest = z
    .string()
    .min(1, "must be a SHA-256, or the checksum file that holds it")
    .superRefine((text, issues) => {
        if (isDigest(text.toLowerCase())) return;
        const problem = /^(sha256:)?[0-9a-fA-F]{16,}$/i.test(text)
            ? "must be a SHA-256: 64 hexadecimal digits, without anything before them"
            : locationProblem(text);
        if (problem !== undefined) issues.addIssue(problem);
    })
    .transform((text) => (isDigest(text.toLowerCase()) ? text.toLowerCase() : text));

export function isDigest(value: unknown): value is string {
    return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

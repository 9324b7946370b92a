import { z } from "zod";
import { duration } from "../pulumi/duration";
import { templateNameProblem } from "./names";

/** A name that the service pastes into YAML templates. */
export function templateName(what: string): z.ZodType<string, string> {
    return z.string().superRefine((name, context) => {
        const problem = templateNameProblem(name);
        if (problem !== undefined) context.addIssue(`${what} ${problem}`);
    });
}

const KEY =
    /^(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+={0,3}(?: [^\n]*)?$/;

/** What is wrong with a public key, which the service neither checks nor quotes when it makes YAML of it. */
export function publicKeyProblem(text: string): string | undefined {
    const key = text.trim();
    if (key.includes("PRIVATE KEY"))
        return "is a private key: give the public one (the file that ends in .pub)";
    if (key.includes("\n")) return "must be one line: IMS fails on a file with several keys";
    if (!KEY.test(key)) return "must be an OpenSSH public key, such as ssh-ed25519 AAAA… comment";
    if (/ #|: |:$/.test(key)) return "must have no '#' and no ': ' in its comment: IMS reads it as YAML";
    return undefined;
}

/** A duration such as `90s` or `1h30m`. */
export function durationField(): z.ZodType<string, string> {
    return z
        .string()
        .refine((text) => duration(text) !== undefined, "must be a duration such as 90s, 30m or 1h30m");
}

import { z } from "zod";
import { duration } from "../pulumi/duration";

const NAME = /^[A-Za-z][A-Za-z0-9._-]*$/;
/** Words that YAML takes for something else than text. */
const YAML_WORDS = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

/**
 * A name that the service pastes into YAML templates as it is: anything that is not plainly a word fails there,
 * half-way through the creation of a job, without a reason and with objects left in Kubernetes.
 */
export function templateName(what: string): z.ZodType<string, string> {
    return z
        .string()
        .regex(
            NAME,
            `${what} must begin with a letter and have letters, digits and . _ - only: IMS pastes it into YAML as it is`,
        )
        .max(200, `${what} must have at most 200 characters`)
        .refine((text) => !YAML_WORDS.test(text), `${what} must not be a word that YAML takes for a value`);
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

import { z } from "zod";
import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isFingerprints, parseSshAddress, sshSettingsOf } from "../ssh";

const text = z.string().min(1, "must not be empty");

const file = z
    .strictObject({
        path: z.string().regex(/^\//, "must be an absolute path"),
        sha256: z
            .string()
            .overwrite((digest) => digest.trim().toLowerCase())
            .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 digest: 64 hexadecimal digits")
            .optional(),
        content: z.string().optional(),
        contains: text.optional(),
        mode: z
            .string()
            .regex(/^0?[0-7]{3,4}$/, "must be permissions in octal, such as 0644")
            .optional(),
    })
    .refine(({ sha256, content }) => sha256 === undefined || content === undefined, {
        message: "has both sha256 and content: give one of them",
    });

const command = z.strictObject({
    run: text,
    expect: z.string().refine(isPattern, "must be a regular expression as JavaScript knows them").optional(),
    exitCode: z.int().min(0).max(255).default(0),
});

const ssh = z.strictObject({
    user: text.optional(),
    port: z.int().min(1).max(65535).optional(),
    jump: text.optional(),
    addresses: z.record(z.string(), text).optional(),
    hostKeys: z
        .record(z.string(), z.string().refine(isFingerprints, "must be a fingerprint such as SHA256:…"))
        .optional(),
    sudo: z.boolean().default(false),
    readyWithinSeconds: z.int().min(0).max(3600).default(120),
});

export const verification = z.strictObject({
    osVersion: text.optional(),
    files: z.array(file).optional(),
    commands: z.array(command).optional(),
    ssh: ssh.optional(),
});

export type Verification = z.output<typeof verification>;
export type ExpectedFile = z.output<typeof file>;
export type ExpectedCommand = z.output<typeof command>;
export type VerificationSsh = z.output<typeof ssh>;

/** What the fields alone cannot tell. The key is not asked for: a run that changes nothing needs none. */
export function checkVerification(
    verify: Verification,
    context: Context<unknown>,
    connection: string | undefined,
): Problem[] {
    const problems: Problem[] = [];
    const problem = (path: readonly string[], message: string): void => {
        problems.push({ path: ["verify", ...path], message });
    };
    const { ssh } = verify;
    if (!ssh) {
        for (const name of ["files", "commands"] as const) {
            if (verify[name] !== undefined)
                problem([name], "needs verify.ssh: EMF shows neither files nor commands");
        }
        return problems;
    }
    const user = ssh.user ?? sshSettingsOf(context, connection).user;
    if (user === undefined) {
        problem(
            ["ssh", "user"],
            "is missing, and so is edge-os:ssh.user (EDGE_OS_SSH_USER): whom to log in as",
        );
    }
    const addresses: [path: string[], address: string][] = [
        ...Object.entries(ssh.addresses ?? {}).map(([label, address]): [string[], string] => [
            ["ssh", "addresses", label],
            address,
        ]),
        ...(ssh.jump === undefined ? [] : [[["ssh", "jump"], ssh.jump] as [string[], string]]),
    ];
    for (const [path, address] of addresses) {
        try {
            parseSshAddress(address, { user: user ?? "user" });
        } catch (error) {
            problem(path, messageOf(error));
        }
    }
    return problems;
}

function isPattern(text: string): boolean {
    try {
        return new RegExp(text, "m").source !== "";
    } catch {
        return false;
    }
}

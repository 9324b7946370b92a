import { z } from "zod";
import { durationField } from "../fields";

const REMOTE = "must be an absolute path in the image";

const packages = z.strictObject({
    install: z
        .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+_:~=-]*$/, "is not the name of a package"))
        .optional(),
    remove: z
        .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+_:~=-]*$/, "is not the name of a package"))
        .optional(),
    refresh: z.boolean().optional(),
});

const initrd = z.strictObject({
    kernelVersion: z
        .string()
        .regex(/^[A-Za-z0-9._+~-]+$/)
        .optional(),
});

const ansible = z.strictObject({
    playbook: z.string().min(1, "must be the path of a playbook"),
    variables: z
        .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is not the name of a variable"), z.json())
        .optional(),
    groups: z
        .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is not the name of a group of an inventory"))
        .optional(),
    arguments: z.array(z.string()).optional(),
});

const KINDS = ["run", "script", "upload", "packages", "regenerateInitrd", "ansible"] as const;

/** One change of the image root. */
export const stepSchema = z
    .strictObject({
        run: z.string().min(1, "must not be empty").optional(),
        script: z.string().min(1, "must be the path of a file").optional(),
        arguments: z.array(z.string()).optional(),
        upload: z.string().min(1, "must be the path of a file or folder").optional(),
        to: z
            .string()
            .regex(/^\/[^\0]*[^/\0]$/, REMOTE)
            .optional(),
        packages: packages.optional(),
        regenerateInitrd: z.union([z.literal(true), initrd]).optional(),
        ansible: ansible.optional(),
        name: z.string().min(1).max(100).optional(),
        environment: z
            .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is not the name of a variable"), z.string())
            .optional(),
        timeLimit: durationField().optional(),
    })
    .superRefine((step, context) => {
        const given = KINDS.filter((kind) => step[kind] !== undefined);
        if (given.length !== 1) {
            context.addIssue(
                `must have exactly one of ${KINDS.join(", ")}${given.length > 1 ? `, and has ${given.join(", ")}` : ""}`,
            );
        }
        if ((step.upload === undefined) !== (step.to === undefined)) {
            context.addIssue(
                "upload and to belong together: the file or folder here, and its path in the image",
            );
        }
        if (step.arguments !== undefined && step.script === undefined)
            context.addIssue("arguments belong to script");
        if (step.packages && !step.packages.install?.length && !step.packages.remove?.length) {
            context.addIssue("packages needs install or remove");
        }
    });

export type Step = z.output<typeof stepSchema>;

/** The step as messages and progress name it. */
export function stepTitle(step: Step, index: number): string {
    const what =
        step.name ??
        (step.script !== undefined
            ? `script ${step.script}`
            : step.upload !== undefined
              ? `upload ${step.upload}`
              : step.ansible !== undefined
                ? `ansible ${step.ansible.playbook}`
                : (KINDS.find((kind) => step[kind] !== undefined) ?? "step"));
    return `step ${index + 1} (${what})`;
}

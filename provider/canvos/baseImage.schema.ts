import { z } from "zod";
import { argValueProblem } from "./argFile";

const FOLDER = /^[a-z][a-z0-9-]*$/;
const ARGUMENT = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `arguments.baseImage`, where it is built from a folder of the checkout. */
export const baseImageBuild = z.strictObject({
    build: z.string().regex(FOLDER, "must be a folder of the checkout, for example rhel-fips"),
    version: z
        .string()
        .regex(/^\d+(?:\.\d+)*$/, "must be a number such as 9 or 22.04")
        .optional(),
    dockerfile: z
        .string()
        .regex(
            /^(?!.*(?:^|\/)\.\.(?:\/|$))[A-Za-z0-9_][A-Za-z0-9_./-]*$/,
            "must be the name of a Dockerfile in that folder",
        )
        .optional(),
    buildArgs: z
        .record(z.string(), z.string())
        .superRefine((given, issues) => {
            for (const [name, value] of Object.entries(given)) {
                const problem = ARGUMENT.test(name) ? argValueProblem(value) : "is no name of an ARG";
                if (problem !== undefined) issues.addIssue(`${name} ${problem}`);
            }
        })
        .optional(),
    repository: z
        .string()
        .regex(
            /^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)+$/,
            "must be a repository without tag: registry.example.com/edge/rhel-fips",
        )
        .optional(),
});

export type CheckedBaseBuild = z.output<typeof baseImageBuild>;

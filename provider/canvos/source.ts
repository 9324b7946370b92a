import { z } from "zod";

/** A ref goes to git as an argument of its own, and must not look like an option. */
const REF = /^(?!-)(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]*$/;

const shape = z
    .strictObject({
        git: z
            .string()
            .superRefine((url, issues) => {
                const problem = addressProblem(url);
                if (problem !== undefined) issues.addIssue(problem);
            })
            .optional(),
        ref: z.string().regex(REF, "must be the name of a tag or branch, or a commit").optional(),
        track: z.boolean().optional(),
        path: z.string().min(1, "must be the folder of a checkout").optional(),
    })
    .superRefine(({ git, ref, track, path }, issues) => {
        const add = (key: string, message: string): void => {
            issues.addIssue({ code: "custom", path: [key], message });
        };
        if ((git === undefined) === (path === undefined)) {
            issues.addIssue("must have either git (with ref) or path, the folder of a checkout");
        } else if (git !== undefined && ref === undefined) {
            add(
                "ref",
                "is required with git: the tag of the release that your Palette agents have, or a commit",
            );
        } else if (path !== undefined && (ref !== undefined || track !== undefined)) {
            add(ref === undefined ? "track" : "ref", "belongs to git: a checkout is built as it is");
        }
    });

/** A repository of which one commit is built. */
export interface GitSource {
    git: string;
    ref: string;
    track?: boolean | undefined;
}

/** A checkout that is built as it is, with what was changed in it. */
export interface FolderSource {
    path: string;
}

export type Source = GitSource | FolderSource;

export const sourceSchema = shape as unknown as z.ZodType<Source, Source>;

export function isCommit(ref: string): boolean {
    return /^[0-9a-f]{40}$/.test(ref);
}

/** Whether a source is still the one that was resolved, so that its commit stays. */
export function isSameSource(a: Source, b: Source): boolean {
    if ("git" in a) return "git" in b && a.git === b.git && a.ref === b.ref;
    return !("git" in b) && a.path === b.path;
}

function addressProblem(url: string): string | undefined {
    if (/^[A-Za-z0-9][\w.-]*@[A-Za-z0-9][\w.-]*:[^:\s]+$/.test(url)) return undefined;
    if (url.startsWith("/")) return undefined;
    if (!URL.canParse(url))
        return "must be the address of a git repository: https://, ssh://, git@host:path, file:// or a full path";
    const { protocol, username, password } = new URL(url);
    if (!["https:", "ssh:", "file:"].includes(protocol)) {
        return "must use https, ssh or file: with others, what is built could be changed on the way";
    }
    if (password !== "" || (username !== "" && protocol === "https:")) {
        return "must not hold a login: use gitUsername and gitToken of the settings edge-os:canvos";
    }
    return undefined;
}

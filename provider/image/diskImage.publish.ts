import { z } from "zod";

/** What becomes of the published file when nothing in the stack needs it any more. */
const onDelete = z.enum(["keep", "remove"]).optional();

const baseUrl = z.string().superRefine((text, issues) => {
    const problem = baseUrlProblem(text);
    if (problem !== undefined) issues.addIssue(problem);
});

/** `publish` of a `DiskImage`. */
export const publication = z.strictObject({
    directory: z.string().min(1, "must be a folder"),
    baseUrl,
    onDelete,
});

export type Publication = z.output<typeof publication>;

/** Where hosts get the published file. */
export function publishedUrl(publish: Publication, fileName: string): string {
    return `${publish.baseUrl.replace(/\/+$/, "")}/${fileName}`;
}

function baseUrlProblem(text: string): string | undefined {
    if (!URL.canParse(text)) return "must be a URL, for example https://images.example.com/edge";
    const url = new URL(text);
    if (url.protocol !== "https:") {
        return "must use https: hosts refuse other schemes when they stream the image";
    }
    if (url.username !== "" || url.password !== "") {
        return "must not hold a user name or password: hosts do not log in";
    }
    if (url.search !== "" || url.hash !== "") {
        return "must end with the folder: hosts tell formats by the end of the URL, where a query would stand";
    }
    return undefined;
}

import type { ImsJob } from "../provider/ims/api";
import type { ImsClient } from "../provider/ims/client";
import { createdAt } from "../provider/ims/created";
import { tokensOfJobs } from "../provider/ims/jobTokens";
import { IMS_CONNECTION_HELP } from "./imsConnection";
import { ageInSeconds, imsListing } from "./imsListing";
import { resourceOf, STACK_HELP, type ImsStack } from "./imsStack";
import { count, formatTable, shownAge } from "./table";

const HELP = `usage: edge-os ims jobs [--state FILE] [--project NAME --stack NAME] [--owner NAME] [--json]
                        [--config FILE] [--connection NAME]

Lists the jobs of IMS: status, age, the image they make, and whose they are. A job that is neither running for somebody
nor ended holds memory, an address and a volume for ever. Shows only, and how to end them.

${STACK_HELP}

${IMS_CONNECTION_HELP}`;

/** `<stack>-<row><content>`, as a customization calls its SSH container. */
const TOKEN = /^([0-9a-f]{12})-([0-9a-f]{8})[0-9a-f]{8}$/;

/** Of a resource that the stack has, of the stack otherwise, of some stack of this package, or of none. */
type Whose = "resource" | "stack" | "otherStack" | "other";

interface Line {
    readonly jobId: string;
    readonly jobType: string;
    readonly status: string;
    readonly created: string;
    readonly ageSeconds: number;
    readonly imageName: string;
    readonly baseImageId: string;
    readonly resultantImageId: string | null;
    readonly token: string | null;
    readonly whose: Whose;
    /** Name of the resource in the program. */
    readonly resource: string | null;
}

export const command = imsListing({
    help: HELP,
    key: "jobs",
    idOf: ({ jobId }) => jobId,
    list: listJobs,
    asText,
});

async function listJobs(client: ImsClient, stack: ImsStack | undefined, now: number): Promise<Line[]> {
    const jobs = await client.list("jobs");
    const tokenOf = await tokensOfJobs(client);
    return jobs.map((job) => lineOf(job, tokenOf(job), stack, now));
}

function lineOf(job: ImsJob, token: string | undefined, stack: ImsStack | undefined, now: number): Line {
    return {
        jobId: job.id,
        jobType: job.job_type,
        status: job.status,
        created: job.created,
        ageSeconds: ageInSeconds(createdAt(job), now),
        imageName: job.image_root_archive_name,
        baseImageId: job.artifact_id,
        resultantImageId: job.resultant_image_id,
        token: token ?? null,
        ...whoseIs(token, stack),
    };
}

function whoseIs(
    token: string | undefined,
    stack: ImsStack | undefined,
): { whose: Whose; resource: string | null } {
    const [, owner] = TOKEN.exec(token ?? "") ?? [];
    if (token === undefined || owner === undefined) return { whose: "other", resource: null };
    if (owner !== stack?.owner) return { whose: "otherStack", resource: null };
    const resource = resourceOf(token, stack);
    return { whose: resource === null ? "stack" : "resource", resource };
}

const ENDED = new Set(["success", "error"]);

function asText(lines: readonly Line[], stack: ImsStack | undefined, endpoint: string): string {
    if (lines.length === 0) return `there are no jobs at ${endpoint}`;
    const rows = lines.map((line) => [
        line.jobId,
        line.status,
        shownAge(line.ageSeconds),
        line.imageName,
        inWords(line, stack),
    ]);
    const ended = lines.filter(({ status }) => ENDED.has(status)).length;
    return [
        formatTable(["JOB", "STATUS", "AGE", "IMAGE", "WHOSE"], rows),
        "",
        `${count(lines.length, "job")} at ${endpoint}, ${ended} of them ended`,
        ...advice(lines, stack),
    ].join("\n");
}

function inWords({ whose, resource, token }: Line, stack: ImsStack | undefined): string {
    if (whose === "resource") return `${resource ?? ""}, of this stack`;
    if (whose === "stack")
        return stack?.rows === undefined ? "of this stack" : "of this stack, no resource of its state";
    if (whose === "otherStack") {
        const owner = token?.slice(0, token.indexOf("-")) ?? "";
        return `of ${stack ? "another" : "some"} stack, ${owner}`;
    }
    return `not of this package${token === null ? "" : ` (${token})`}`;
}

/** Nobody but its run knows whether a job is being worked on. */
function advice(lines: readonly Line[], stack: ImsStack | undefined): string[] {
    const ours = lines.filter(({ whose }) => whose !== "other");
    if (ours.length === 0) return [];
    return [
        "While no pulumi up runs, jobs of this package are left ones. To end them:",
        "  pulumi up of their stack, which takes over what they have made, or",
        `  cray ims jobs delete ${ours[0]?.jobId ?? "ID"}`,
        ...(stack ? [] : ["--state FILE tells which are of a stack, and of which resource"]),
    ];
}

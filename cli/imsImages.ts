import type { ImsImage } from "../provider/ims/api";
import { IMS_CLAIM_KEY } from "../provider/ims/claims";
import type { ImsClient } from "../provider/ims/client";
import { createdAt } from "../provider/ims/created";
import { IMS_CONNECTION_HELP } from "./imsConnection";
import { ageInSeconds, imsListing } from "./imsListing";
import { resourceOf, STACK_HELP, type ImsStack } from "./imsStack";
import { count, formatTable, shownAge } from "./table";

const HELP = `usage: edge-os ims images [--state FILE] [--project NAME --stack NAME] [--owner NAME] [--json]
                          [--config FILE] [--connection NAME]

Lists the images of IMS that this package has made, and whose they are. With --state, those that no resource of the
stack has: a run has made them that was killed before it could say so, and the program has changed since. Shows only,
and how to delete them.

${STACK_HELP}

${IMS_CONNECTION_HELP}`;

/** In the state of the stack, of the stack and in no state, of the stack as far as is known, or of another stack. */
type Whose = "resource" | "left" | "stack" | "otherStack";

interface Line {
    readonly imageId: string;
    readonly name: string;
    readonly created: string;
    readonly ageSeconds: number;
    /** False while its artifacts are not uploaded. */
    readonly complete: boolean;
    readonly claim: string;
    readonly whose: Whose;
    /** Name of the resource in the program that made it. */
    readonly resource: string | null;
}

export const command = imsListing({
    help: HELP,
    key: "images",
    idOf: ({ imageId }) => imageId,
    list: listImages,
    asText,
});

async function listImages(client: ImsClient, stack: ImsStack | undefined, now: number): Promise<Line[]> {
    return (await client.list("images")).flatMap((image) => lineOf(image, stack, now));
}

function lineOf(image: ImsImage, stack: ImsStack | undefined, now: number): Line[] {
    const claim = image.metadata?.[IMS_CLAIM_KEY];
    if (claim === undefined) return [];
    const { id: imageId, name, created, link } = image;
    const ageSeconds = ageInSeconds(createdAt(image), now);
    const isOwn = stack !== undefined && claim.startsWith(`${stack.owner}-`);
    return [
        {
            ...{ imageId, name, created, ageSeconds, complete: link !== null, claim },
            whose: isOwn ? whoseOfStack(claim, stack) : "otherStack",
            resource: isOwn ? resourceOf(claim, stack) : null,
        },
    ];
}

function whoseOfStack(claim: string, { rows }: ImsStack): Whose {
    if (!rows) return "stack";
    return rows.claims.has(claim) ? "resource" : "left";
}

function asText(lines: readonly Line[], stack: ImsStack | undefined, endpoint: string): string {
    if (lines.length === 0) return `there are no images of this package at ${endpoint}`;
    const rows = lines.map((line) => [
        ...[line.imageId, line.name, shownAge(line.ageSeconds)],
        `${inWords(line, stack)}${line.complete ? "" : ", without artifacts"}`,
    ]);
    return [
        formatTable(["IMAGE", "NAME", "AGE", "WHOSE"], rows),
        "",
        `${count(lines.length, "image")} of this package at ${endpoint}`,
        ...advice(lines, stack),
    ].join("\n");
}

function inWords({ whose, resource, claim }: Line, stack: ImsStack | undefined): string {
    if (whose === "resource") return `${resource ?? "a resource that was renamed"}, of this stack`;
    if (whose === "left") {
        const maker = resource === null ? "" : `; made for ${resource}`;
        return `of this stack, in no row of its state${maker}`;
    }
    if (whose === "stack") return "of this stack";
    return `of ${stack ? "another" : "some"} stack, ${claim.slice(0, claim.indexOf("-"))}`;
}

/** A run that is under way has made images that are in no state yet. */
function advice(lines: readonly Line[], stack: ImsStack | undefined): string[] {
    const left = lines.filter(({ whose }) => whose === "left");
    if (!stack?.rows) return ["--state FILE tells which are of a stack, and which of those are left ones"];
    if (left.length === 0) return [];
    return [
        `While no pulumi up of the stack runs, ${count(left.length, "image")} in no row of its state: left by a run that was killed.`,
        "pulumi up takes such an image over where the program still says what it was made of. To delete it (softly):",
        ...left.map(({ imageId }) => `  cray ims images delete ${imageId}`),
    ];
}

import * as crypto from "node:crypto";
import * as path from "node:path";
import { Readable } from "node:stream";
import { type GuardedPublication, publishedUrl } from "../image/diskImage.publish";
import { progressLine } from "../image/progressLine";
import { thisMachine } from "../image/publish/directory";
import { leaveInPlace } from "../image/publish/leave";
import { fileSource, type PublishedFile, type Publisher } from "../image/publish/publisher";
import type { Context } from "../resource/context";
import { EdgeError, messageOf } from "../resource/errors";
import type { Problem } from "../resource/problem";
import type { ApplianceInputs, PublishedIso } from "./applianceImage.schema";
import type { BuildPlan } from "./build.plan";
import type { BuiltFile } from "./build.types";
import type { Builder } from "./builder";
import { userDataSecrets } from "./expectations";

type CanvosContext = Context<Builder>;

/** What stands against publishing the ISO of a build. */
export function publicationProblems(
    publish: GuardedPublication | undefined,
    { makes, texts }: Pick<BuildPlan, "makes" | "texts">,
): Problem[] {
    if (publish === undefined) return [];
    if (!makes.iso) {
        const message = "is for the installer ISO, and none of the targets makes one: add the target iso";
        return [{ path: ["publish"], message }];
    }
    const secrets = userDataSecrets({ texts }).map(({ name }) => name);
    if (secrets.length === 0 || publish.access !== undefined) return [];
    return [
        {
            path: ["publish", "access"],
            message:
                `is required: the ISO holds ${secrets.join(", ")} in clear, and whoever reads it can use that. Leave it out of ` +
                'userData and give each site its own ISO with it (palette.SiteIso); or say access: "authenticated" where reading ' +
                'the place takes a login, which is tried out before anything is uploaded; or access: "anonymous" if everybody may have it',
        },
    ];
}

/** Puts the ISO into its place, under a name that holds its digest, and lets go of where it was before. */
export async function publishIso(
    iso: BuiltFile,
    image: Pick<ApplianceInputs, "publish">,
    { texts }: Pick<BuildPlan, "texts">,
    claim: string,
    context: CanvosContext,
): Promise<PublishedIso | undefined> {
    const { publish } = image;
    if (publish === undefined) return undefined;
    if (userDataSecrets({ texts }).length > 0) await assertGuarded(publish, claim, context);
    const { sizeBytes, sha256 } = iso;
    const file = { fileName: nameOf(iso), sha256, sizeBytes };
    await publisherOf(publish, context).put({
        source: fileSource(iso.path),
        ...{ ...file, claim },
        ...progressLine(context, "publishing the ISO"),
    });
    return { ...file, url: publishedUrl(publish, file), claim, machine: thisMachine() };
}

/** Whether it is still there; what cannot be told is no loss. */
export async function isStillPublished(
    publish: GuardedPublication | undefined,
    published: PublishedIso | undefined,
    context: CanvosContext,
): Promise<boolean> {
    if (publish === undefined || published === undefined) return true;
    const publisher = publisherOf(publish, context);
    const what = publisher.describe(published);
    const found = await publisher.look(published, progressLine(context, "reading the ISO"));
    switch (found.state) {
        case "there":
            return true;
        case "cannot-tell":
            context.log.warn(found.why);
            return true;
        case "changed":
            context.log.warn(`${what} has other bytes than were published`);
            return false;
        case "absent":
            if (!publisher.isReachable && published.machine !== thisMachine()) {
                context.log.warn(
                    `${what} is not on this machine, and was published from another one: whether it is still there cannot be told here`,
                );
                return true;
            }
            context.log.warn(`${what} is gone`);
            return false;
    }
}

/** Gives up the place of a published ISO, and removes it there when that is asked for. */
export async function letGoOfIso(
    { publish, onDelete }: Pick<ApplianceInputs, "publish" | "onDelete">,
    published: PublishedIso | undefined,
    context: CanvosContext,
): Promise<void> {
    if (publish === undefined || published === undefined) return;
    const { signal } = context;
    const publisher = publisherOf(publish, context);
    const { claim } = published;
    if ((publish.onDelete ?? onDelete) === "remove") {
        await publisher.release(published, claim, { signal, onRelease: "remove" });
    } else await leaveInPlace(publisher, published, claim, context);
}

/** Whether two publications are one place. */
export function isSamePlace(
    before: GuardedPublication,
    after: GuardedPublication | undefined,
    file: PublishedFile,
    context: CanvosContext,
): boolean {
    const describe = (publish: GuardedPublication): string => publisherOf(publish, context).describe(file);
    return after !== undefined && describe(before) === describe(after);
}

/** `installer-0123456789abcdef.iso`: no file ever changes under who reads it. */
function nameOf({ path: file, sha256 }: BuiltFile): string {
    return `${path.basename(file, ".iso")}-${sha256.slice(0, 16)}.iso`;
}

function publisherOf(publish: GuardedPublication, { client, projectDir }: CanvosContext): Publisher {
    return client.images.publisher(publish, projectDir);
}

/** Tried out with a file of no value: once the ISO was there, a token in it would be known. */
async function assertGuarded(
    publish: GuardedPublication,
    claim: string,
    context: CanvosContext,
): Promise<void> {
    if (publish.access === "anonymous") {
        context.log.warn("the ISO is published for everybody with the token of its user-data in clear");
        return;
    }
    // A tag is only ever moved to what is meant by it.
    const place = "oci" in publish ? { oci: { repository: publish.oci.repository } } : publish;
    const content = crypto.randomBytes(32);
    const sha256 = crypto.createHash("sha256").update(content).digest("hex");
    const file = {
        fileName: `access-probe-${sha256.slice(0, 16)}.bin`,
        ...{ sha256, sizeBytes: content.length },
    };
    const { client, signal, log } = context;
    const publisher = publisherOf(place, context);
    const source = { name: file.fileName, chunks: () => Readable.from([content]) };
    await publisher.put({ source, ...file, claim, signal });
    try {
        const found = await client.images.openness(place, file, content, signal);
        if (found.state === "cannot-tell") {
            log.warn(`whether reading the ISO's place takes a login cannot be tried out here: ${found.why}`);
        } else if (found.state === "open") {
            throw new EdgeError(
                `publish.access is "authenticated", and everybody can read ${found.url.replace(/\/[^/]*$/, "/")}: the ISO with the token of its ` +
                    'user-data is not published there. Have the place ask for a login, or say access: "anonymous" if everybody may have it',
            );
        }
    } finally {
        await publisher.release(file, claim, { signal, onRelease: "remove" }).catch((error: unknown) => {
            log.warn(`${publisher.describe(file)}, a probe of no value, stays there: ${messageOf(error)}`);
        });
    }
}

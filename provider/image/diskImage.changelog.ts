import { messageOf } from "../resource/errors";
import type { Context } from "../resource/context";
import { changelogOf } from "./changelog";
import { changelogMarkdown } from "./changelogText";
import { type ImageManifest, MANIFEST_SUFFIX, readManifest } from "./manifest";
import { boundedText } from "./markdown";
import type { PublishedExtra, Publisher } from "./publish/publisher";

const MAX_CHANGELOG = 8_000;
const MOST_OF_A_KIND = 60;

/**
 * The changelog against the version that was published in the same place before, under the same name but for its
 * digest. A new version is a new resource, which is told nothing of the old one; the place knows.
 */
export async function changesSincePublished(
    manifest: ImageManifest,
    publisher: Publisher,
    { log, signal }: Pick<Context<unknown>, "log" | "signal">,
): Promise<string | undefined> {
    try {
        const before = await previousVersion(publisher, manifest.image.fileName, signal);
        if (!before) return undefined;
        return boundedText(changelogMarkdown(changelogOf(before, manifest), MOST_OF_A_KIND), MAX_CHANGELOG);
    } catch (error) {
        signal.throwIfAborted();
        // A changelog is a help; without it the image is published all the same.
        log.warn(`no changelog: ${messageOf(error)}`);
        return undefined;
    }
}

/** The newest manifest of another image of this name. */
async function previousVersion(
    publisher: Publisher,
    fileName: string,
    signal: AbortSignal,
): Promise<ImageManifest | undefined> {
    const stem = stemOf(fileName);
    if (stem === undefined) return undefined;
    let newest: PublishedExtra | undefined;
    for await (const extra of publisher.extras(MANIFEST_SUFFIX, { signal })) {
        if (extra.fileName === fileName || stemOf(extra.fileName) !== stem) continue;
        if (!newest || extra.publishedAt > newest.publishedAt) newest = extra;
    }
    return newest && readManifest(await newest.read(), newest.place);
}

/** `ubuntu` of `ubuntu-0123456789abcdef.raw.gz`, as `publishedName` makes it. */
function stemOf(fileName: string): string | undefined {
    return /^(.+)-[0-9a-f]{16}\.[a-z0-9.]+$/.exec(fileName)?.[1];
}

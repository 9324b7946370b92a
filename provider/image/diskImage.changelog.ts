import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import { changelogOf } from "./changelog";
import { changelogMarkdown } from "./changelogText";
import type { Publication } from "./diskImage.publish";
import { type ImageManifest, MANIFEST_SUFFIX, readManifest } from "./manifest";
import { boundedText } from "./markdown";

const MAX_CHANGELOG = 8_000;
const MOST_OF_A_KIND = 60;

/**
 * The changelog against the version that was published in the same folder before, under the same name but for its
 * digest. A new version is a new resource, which is told nothing of the old one; the folder knows.
 */
export async function changesSincePublished(
    manifest: ImageManifest,
    publish: Publication,
    { projectDir, log }: Pick<Context<unknown>, "projectDir" | "log">,
): Promise<string | undefined> {
    if (!("directory" in publish) || typeof publish.directory !== "string") return undefined;
    const folder = path.resolve(projectDir, publish.directory);
    try {
        const before = await previousVersion(folder, manifest.image.fileName);
        if (!before) return undefined;
        return boundedText(changelogMarkdown(changelogOf(before, manifest), MOST_OF_A_KIND), MAX_CHANGELOG);
    } catch (error) {
        // A changelog is a help; without it the image is published all the same.
        log.warn(`no changelog: ${messageOf(error)}`);
        return undefined;
    }
}

/** The newest manifest of another image of this name. */
async function previousVersion(folder: string, fileName: string): Promise<ImageManifest | undefined> {
    const stem = stemOf(fileName);
    if (stem === undefined) return undefined;
    const candidates: { file: string; time: number }[] = [];
    for (const name of await fs.readdir(folder)) {
        if (!name.endsWith(MANIFEST_SUFFIX)) continue;
        const image = name.slice(0, -MANIFEST_SUFFIX.length);
        if (image === fileName || stemOf(image) !== stem) continue;
        const file = path.join(folder, name);
        candidates.push({ file, time: (await fs.stat(file)).mtimeMs });
    }
    const [newest] = candidates.sort((a, b) => b.time - a.time);
    return newest && readManifest(await fs.readFile(newest.file), newest.file);
}

/** `ubuntu` of `ubuntu-0123456789abcdef.raw.gz`, as `publishedName` makes it. */
function stemOf(fileName: string): string | undefined {
    return /^(.+)-[0-9a-f]{16}\.[a-z0-9.]+$/.exec(fileName)?.[1];
}

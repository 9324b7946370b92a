import * as fs from "node:fs";
import * as path from "node:path";
import { changelogOf } from "../provider/image/changelog";
import { changelogMarkdown } from "../provider/image/changelogText";
import { isError } from "../provider/image/check";
import { isImageError, type ImageLibrary } from "../provider/image/library";
import { type ImageManifest, manifestOf, readManifest } from "../provider/image/manifest";
import { nameOf } from "../provider/image/source/location";
import { verifyImage } from "../provider/image/verifyImage";
import { EdgeError, messageOf } from "../provider/resource/errors";
import { parseWords, type Command, type Terminal } from "./command";
import { IMAGE_HELP, IMAGE_OPTIONS, imageLibrary } from "./imageLibrary";
import { ReadingProgress } from "./readingProgress";

const HELP = `usage: edge-os diff OLD NEW [--json] [--config FILE]

Shows what has changed from one version of an image to the next: packages, kernels and units added, removed and
upgraded, the boot chain, partitions. OLD and NEW are images, or their manifests (edge-os verify --manifest, and
….manifest.json beside a published image).

${IMAGE_HELP}`;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const options = { json: { type: "boolean" }, ...IMAGE_OPTIONS } as const;
        const { flags, given } = parseWords(words, options, ["OLD", "NEW"]);
        const library = imageLibrary(flags, terminal);
        const before = await readImageOrManifest(given.OLD, library, terminal);
        const after = await readImageOrManifest(given.NEW, library, terminal);
        const changelog = changelogOf(before, after);
        terminal.out(
            flags.json ? `${JSON.stringify(changelog, undefined, 4)}\n` : changelogMarkdown(changelog),
        );
        return 0;
    },
};

/** What an image holds: from its manifest, or from reading the image itself. */
export async function readImageOrManifest(
    given: string,
    library: ImageLibrary,
    terminal: Terminal,
): Promise<ImageManifest> {
    const file = path.resolve(terminal.cwd, given);
    if (looksLikeManifest(file)) return readManifest(fs.readFileSync(file), given);
    const progress = new ReadingProgress(path.basename(given), terminal);
    try {
        const { inspection, name, checks } = await verifyImage(
            { source: given, folder: terminal.cwd, onProgress: (step) => progress.show(step) },
            library,
        );
        progress.end();
        const { length } = checks.filter(isError);
        if (length > 0) {
            terminal.err(
                `${name} fails ${length} checks, so not all of it may be seen here: edge-os verify tells which\n`,
            );
        }
        return manifestOf(inspection, name);
    } catch (error) {
        throw isImageError(error) ? new EdgeError(`${nameOf(given)} ${messageOf(error)}`) : error;
    } finally {
        progress.end();
    }
}

/** No image begins with a brace. */
function looksLikeManifest(file: string): boolean {
    try {
        const handle = fs.openSync(file, "r");
        try {
            const head = Buffer.alloc(64);
            fs.readSync(handle, head, 0, head.length, 0);
            return head.toString("latin1").trimStart().startsWith("{");
        } finally {
            fs.closeSync(handle);
        }
    } catch {
        return false;
    }
}

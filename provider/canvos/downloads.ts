import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { ImageLibrary } from "../image/library";
import { formatSize } from "../image/size";
import { nameOf } from "../image/source/location";
import { FileLock } from "../process/fileLock";
import { addBytes } from "../process/treeDigest";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { Download } from "./build.plan";

type DownloadContext = Pick<Context<unknown>, "signal" | "sleep" | "progress">;

const PROGRESS_STEP = 64 * 2 ** 20;

/** The file of an address, kept by its digest: fetched once, and continued where an earlier run was cut off. */
export async function fetchFile(
    { source, sha256 }: Pick<Download, "source" | "sha256">,
    folder: string,
    library: Pick<ImageLibrary, "bytes">,
    context: DownloadContext,
): Promise<string> {
    const file = path.join(folder, sha256);
    if (fs.existsSync(file)) return file;
    const lock = await FileLock.take(`${file}.lock`, {
        what: nameOf(source),
        sleep: (milliseconds) => context.sleep(milliseconds),
        onWait: (what) => context.progress(`waits for another run that fetches ${what}`),
    });
    try {
        if (!fs.existsSync(file)) await fetchInto(file, { source, sha256 }, library, context);
        return file;
    } finally {
        lock.release();
    }
}

async function fetchInto(
    file: string,
    { source, sha256 }: Pick<Download, "source" | "sha256">,
    library: Pick<ImageLibrary, "bytes">,
    context: DownloadContext,
): Promise<void> {
    const part = `${file}.part`;
    const hash = crypto.createHash("sha256");
    let done = fs.statSync(part, { throwIfNoEntry: false })?.size ?? 0;
    if (done > 0) await addBytes(hash, part);
    const handle = await fs.promises.open(part, "a", 0o600);
    let told = done;
    try {
        for await (const chunk of library.bytes(source, done).chunks(context.signal)) {
            await handle.write(chunk);
            hash.update(chunk);
            done += chunk.length;
            if (done - told < PROGRESS_STEP) continue;
            told = done;
            context.progress(`fetching ${nameOf(source)}, ${formatSize(done)}`);
        }
    } finally {
        await handle.close();
    }
    const digest = hash.digest("hex");
    if (digest !== sha256) {
        fs.rmSync(part);
        throw new EdgeError(
            `${nameOf(source)} has the SHA-256 ${digest}, and ${sha256} is asked for: it is not the file that was meant, or was changed`,
        );
    }
    fs.renameSync(part, file);
}

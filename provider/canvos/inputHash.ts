import * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import type { ResultCache } from "../image/cache";
import { addBytes, addTree } from "../process/treeDigest";
import { EdgeError, messageOf, UnavailableHere } from "../resource/errors";

/** Everything that decides what a build makes. */
export interface BuildInputs {
    /** Commit of the checkout. */
    commit: string;
    /** Variables of the `.arg` file, with the user's CUSTOM_TAG: the distinct one is made of this digest. */
    variables: Readonly<Record<string, string>>;
    /** One is built in what those before it have left, so that their order counts. */
    targets: readonly string[];
    /** Texts by what they are: user-data, a Dockerfile's additions. */
    texts: Readonly<Record<string, string>>;
    /** Local files and folders by what they are: overlay, firmware, content bundles. */
    files: Readonly<Record<string, string>>;
    /** Digests of what is not here: the base image, files behind a URL. */
    digests: Readonly<Record<string, string>>;
}

/** Smaller files are read at once: the cache has room for some hundred entries, and overlays may have thousands. */
const WORTH_KEEPING = 1024 * 1024;

/** The digest of a build's inputs: equal ones need no new build, on whichever machine they lie. */
export async function inputHash(inputs: BuildInputs, cache: ResultCache): Promise<string> {
    const hash = crypto.createHash("sha256");
    const { commit, targets } = inputs;
    const maps = [inputs.variables, inputs.texts, inputs.digests].map(sorted);
    hash.update(JSON.stringify([commit, targets, ...maps]));
    for (const [what, file] of sorted(inputs.files)) {
        hash.update(`\0${what}\0`);
        try {
            await addTree(hash, file, (into, each) => addContent(into, each, cache));
        } catch (error) {
            throw unreadable(what, file, error);
        }
    }
    return hash.digest("hex");
}

async function addContent(hash: crypto.Hash, file: string, cache: ResultCache): Promise<void> {
    hash.update(await contentDigest(file, cache));
}

/** SHA-256 of a file, kept as long as the file does not change: firmware of gigabytes is read once. */
export async function contentDigest(file: string, cache: ResultCache): Promise<string> {
    const compute = async (): Promise<string> => {
        const own = crypto.createHash("sha256");
        await addBytes(own, file);
        return own.digest("hex");
    };
    const { size } = await fs.stat(file);
    return size < WORTH_KEEPING ? compute() : cache.through("content", file, isDigest, compute);
}

function isDigest(value: unknown): value is string {
    return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function sorted(map: Readonly<Record<string, string>>): [key: string, value: string][] {
    return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

function unreadable(what: string, file: string, error: unknown): Error {
    const { code } = error as NodeJS.ErrnoException;
    // CanvOS leaves out what is missing without a word, and the image has it not.
    if (code === "ENOENT") return new UnavailableHere(`${what}: there is no ${file}`);
    return new EdgeError(`${what}: ${file} cannot be read: ${messageOf(error)}`);
}

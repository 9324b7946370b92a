import type * as crypto from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { EdgeError } from "../resource/errors";

type AddContent = (hash: crypto.Hash, file: string) => Promise<void>;

/**
 * Adds a file or folder to a digest: names, executable bits and content, and neither times nor the folder it lies in,
 * so that two checkouts of the same have the same digest. Digests made with it are kept in users' states.
 */
export async function addTree(
    hash: crypto.Hash,
    file: string,
    addContent: AddContent = addBytes,
    name = "",
): Promise<void> {
    const stat = await fs.lstat(file);
    if (stat.isDirectory()) {
        hash.update(`d ${name}\0`);
        for (const entry of (await fs.readdir(file)).sort())
            await addTree(hash, path.join(file, entry), addContent, `${name}/${entry}`);
    } else if (stat.isSymbolicLink()) {
        hash.update(`l ${name}\0${await fs.readlink(file)}\0`);
    } else if (stat.isFile()) {
        hash.update(`f ${name}\0${(stat.mode & 0o111) === 0 ? "" : "x"}\0${stat.size}\0`);
        await addContent(hash, file);
    } else {
        throw new EdgeError("is neither a file nor a folder nor a link");
    }
}

export async function addBytes(hash: crypto.Hash, file: string): Promise<void> {
    const handle = await fs.open(file);
    try {
        for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk as Buffer);
    } finally {
        await handle.close();
    }
}

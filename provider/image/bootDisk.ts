import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { type Compression, decompress } from "./compression";
import { DEFAULT_MAX_DISK_BYTES } from "./inspection";
import type { ImageLibrary } from "./library";
import { HashedSource } from "./source/hashed";
import { isRemote } from "./source/location";
import { openSpool } from "./spool";

interface PackedImage {
    /** Full path or address. */
    location: string;
    sha256: string;
    compression: Compression;
}

/**
 * Hands on a file in which the image's disk lies as it is: the image itself, or a copy that is unpacked or fetched for
 * the time of `use`. The copy has no name, so that nothing of it is left however this process ends.
 */
export async function withBootDisk<T>(
    image: PackedImage,
    context: Context<ImageLibrary>,
    use: (file: string) => Promise<T>,
): Promise<T> {
    const { location, compression, sha256 } = image;
    if (compression === "none" && !isRemote(location)) return use(location);
    if (process.platform !== "linux") {
        throw new EdgeError(
            "a boot test of an image that is compressed or on a server needs Linux: give the unpacked file as source",
        );
    }
    const { client, signal } = context;
    const { limits } = client;
    const spool = await openSpool(0, limits);
    try {
        const bytes = new HashedSource(client.bytes(location).chunks(signal));
        const store = (chunk: Buffer): Promise<void> => spool.file.write(chunk);
        if (compression === "none") {
            for (let chunk = await bytes.next(); chunk; chunk = await bytes.next()) await store(chunk);
        } else {
            const { maxDiskBytes = DEFAULT_MAX_DISK_BYTES, tools } = limits;
            await decompress(
                bytes,
                compression,
                { maxBytes: maxDiskBytes, ...(tools === undefined ? {} : { tools }) },
                store,
            );
        }
        await bytes.drain();
        if (bytes.sha256() !== sha256) {
            throw new EdgeError(`${location} has changed since it was verified: run the update again`);
        }
        const { handle } = await spool.finish();
        return await use(`/proc/${process.pid}/fd/${handle.fd}`);
    } finally {
        await spool.close();
    }
}

import type { ImageLibrary } from "../provider/image/library";
import { imageSystem } from "../provider/image/library";
import { commandHost } from "./connection";
import type { Terminal } from "./command";

/** Options of every command that reads images. */
export const IMAGE_OPTIONS = { config: { type: "string" } } as const;

export const IMAGE_HELP = `IMAGE is a file, or an address that begins with https://, s3:// or oci://: raw or qcow2, plain or compressed (gz, xz,
bz2, zst). Servers are trusted and logged in to as programs do it: EDGE_OS_IMAGE_… in the environment, above
edge-os:image of a stack's file.
  --config FILE       Pulumi.<stack>.yaml with edge-os:image; what is encrypted in it is not read`;

/** What reads images, set up as for a program of the same stack. */
export function imageLibrary(flags: { config?: string | undefined }, terminal: Terminal): ImageLibrary {
    return imageSystem.connect({}, commandHost(flags, terminal));
}

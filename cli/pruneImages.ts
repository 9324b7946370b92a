import type { EmfClient } from "../provider/emf/client";
import type { publication as Schema, Publication } from "../provider/image/diskImage.publish";
import type { imageSystem as System } from "../provider/image/library";
import type { ListedFile, Publisher } from "../provider/image/publish/publisher";
import type { Host } from "../provider/resource/context";
import type { Stack, Standing, Unused } from "./pruneCandidates";
import type { StackRow } from "./stackExport";

/** A published image that no OS profile names and no row of the stack has. */
export interface UnusedImage extends Unused {
    remove(): Promise<"removed" | "left">;
}

const IMAGE_TYPE = "pulumi-nodejs:dynamic/edge-os/image:DiskImage";

/** Looks at the places that the stack's images are published to: only the stack knows them. */
export async function findUnusedImages(
    client: EmfClient,
    stack: Stack | undefined,
    host: Host,
): Promise<UnusedImage[]> {
    const rows = stack?.export?.rows.filter(({ type }) => type === IMAGE_TYPE) ?? [];
    if (!stack || rows.length === 0) return [];
    const profiles = await client.list("os", { maxAge: 0 });
    const isUsed = ({ file }: ListedFile): boolean =>
        rows.some(({ outputs }) => outputs.fileName === file.fileName) ||
        profiles.some(
            ({ imageUrl, sha256 }) =>
                imageUrl.endsWith(`/${file.fileName}`) || sha256.startsWith(file.sha256.slice(0, 16)),
        );
    const found: UnusedImage[] = [];
    for (const publisher of publishersOf(rows, host)) {
        for await (const listed of publisher.list()) {
            if (!isUsed(listed)) found.push(unused(listed, publisher, stack));
        }
    }
    return found;
}

function unused({ file, claims }: ListedFile, publisher: Publisher, { owner }: Stack): UnusedImage {
    const own = claims.filter(({ claim }) => claim.startsWith(`${owner}-`));
    const [{ claim } = { claim: "" }] = own.length > 0 ? own : claims;
    return {
        ...{ kind: "published image", id: publisher.describe(file), name: file.fileName },
        ...(claim === "" ? {} : { claim }),
        standing: standingOf(own.length, claims.length),
        remove: async () => {
            let outcome: "removed" | "left" = "left";
            for (const one of own) {
                outcome = await publisher.release(file, one.claim, { onRelease: "remove" });
            }
            return outcome;
        },
    };
}

function standingOf(own: number, all: number): Standing {
    if (all === 0) return "unproven";
    return own === all ? "old" : "foreign";
}

/** One for each place. The image library is loaded only where a stack has images. */
function publishersOf(rows: readonly StackRow[], host: Host): Publisher[] {
    /* eslint-disable @typescript-eslint/no-require-imports -- `import()` is no way to load a CommonJS build late */
    const { imageSystem } = require("../provider/image/library") as { imageSystem: typeof System };
    const { publication } = require("../provider/image/diskImage.publish") as { publication: typeof Schema };
    /* eslint-enable @typescript-eslint/no-require-imports */
    const library = imageSystem.connect({}, host);
    const places = new Map<string, Publication>();
    for (const { outputs } of rows) {
        const read = publication.safeParse(outputs.publish);
        if (read.success) places.set(placeKey(read.data), read.data);
    }
    return [...places.values()].map((place) => library.publisher(place, host.projectDir));
}

function placeKey(place: Publication): string {
    if ("directory" in place) return JSON.stringify(["directory", place.directory]);
    if ("oci" in place) return JSON.stringify(["oci", place.oci.repository]);
    const { endpoint, bucket, prefix } = place.s3;
    return JSON.stringify(["s3", endpoint, bucket, prefix]);
}

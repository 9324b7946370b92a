import { backoff } from "../http/backoff";
import type { RegistryClient } from "../oci/client";
import { readManifest } from "../oci/manifest";
import { parseReference } from "../oci/reference";
import type { Context } from "../resource/context";
import { EdgeError, messageOf } from "../resource/errors";
import type { BuiltImage } from "./build.types";
import { type Docker, DockerFailure } from "./docker";

/** Where in a registry a reference without a scheme points to. */
export interface ImagePlace {
    registry: string;
    repository: string;
    tag: string;
}

export function placeOf(reference: string): ImagePlace {
    const read = parseReference(`oci://${reference}`);
    if (!read) throw new EdgeError(`${reference} is no reference of an image: registry/repository:tag`);
    return { registry: read.registry, repository: read.repository, tag: read.tag ?? "latest" };
}

export interface PushTools extends Pick<Context<unknown>, "signal" | "sleep" | "random"> {
    /** With a login for the registry. */
    docker: Docker;
    registry: RegistryClient;
}

/** Docker repeats single uploads itself; these are whole pushes. */
const ATTEMPTS = 4;
/** A tag that was just written is not seen at once in every registry. */
const LOOKS = 3;
const LOOK_INTERVAL = 1000;

/** What a registry, or the way to it, may say once and not the next time. */
const PASSING =
    /\b(?:5\d\d) (?:Internal|Bad Gateway|Service|Gateway)|unexpected HTTP status:? (?:5\d\d|429)|too ?many ?requests|\bEOF\b|connection re(?:set|fused)|i\/o timeout|handshake timeout|broken pipe/i;

/**
 * Pushes an image, and tells the digest that the registry has it by. An image that is there already is left as it is;
 * a tag that has another image is never overwritten: hosts would get it at their next start.
 */
export async function pushImage(
    { reference, dockerImageId }: Pick<BuiltImage, "reference" | "dockerImageId">,
    tools: PushTools,
): Promise<{ digest: string; was: "pushed" | "there" }> {
    const { docker, signal } = tools;
    for (let attempt = 1; ; attempt++) {
        const there = await findSame(reference, dockerImageId, tools);
        if (there !== undefined) return { digest: there, was: attempt === 1 ? "there" : "pushed" };
        const local = await docker.imageId(reference, { signal });
        if (local !== dockerImageId) {
            throw new EdgeError(
                `${reference} is ${local ?? "no image"} in Docker now, and was built as ${dockerImageId}: another build or a ` +
                    "docker rmi has taken it since. Run pulumi up again to build it anew",
            );
        }
        try {
            const said = await docker.text(["push", reference], { signal });
            const [, digest] = /\bdigest: (sha256:[0-9a-f]{64})\b/.exec(said) ?? [];
            return { digest: await readBack(reference, digest, tools), was: "pushed" };
        } catch (error) {
            const mayPass = error instanceof DockerFailure && PASSING.test(messageOf(error));
            if (!mayPass || attempt >= ATTEMPTS) throw error;
            // A push is safe to repeat: what has arrived is known by its digest and not sent again.
            await tools.sleep(backoff(attempt, tools));
        }
    }
}

/** The digest of an image that is there already; undefined when the tag is free. */
async function findSame(
    reference: string,
    dockerImageId: string,
    { registry, signal }: PushTools,
): Promise<string | undefined> {
    const { repository, tag } = placeOf(reference);
    const found = await registry.getManifest(repository, tag, { signal });
    if (!found) return undefined;
    // Docker's id is the configuration's digest, or with containerd's store that of the manifest.
    const ids = [found.digest, readManifest(found)?.config?.digest];
    if (ids.includes(dockerImageId)) return found.digest;
    throw new EdgeError(
        `${reference} is in its registry already, with another image (${found.digest}), and is not overwritten: hosts would get ` +
            "the new one at their next start. Take another customTag, leave exactTag out, or delete the tag there",
    );
}

/** What the registry has must be what was pushed. */
async function readBack(reference: string, pushed: string | undefined, tools: PushTools): Promise<string> {
    const { registry, signal } = tools;
    const { repository, tag } = placeOf(reference);
    for (let look = 1; ; look++) {
        const found = await registry.headManifest(repository, tag, { signal });
        if (found && (pushed === undefined || found.digest === pushed)) return found.digest;
        if (look < LOOKS) {
            await tools.sleep(LOOK_INTERVAL);
            continue;
        }
        throw new EdgeError(
            found
                ? `${reference} was pushed as ${pushed ?? "unknown"}, and is ${found.digest} in the registry: somebody else pushes to the same tag`
                : `${reference} was pushed, and the registry does not have it`,
        );
    }
}

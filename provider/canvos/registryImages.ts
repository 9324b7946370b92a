import { RegistryClient } from "../oci/client";
import { parseReference } from "../oci/reference";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import type { PushedImage } from "./applianceImage.schema";
import type { BuiltImage } from "./build.types";
import type { Builder } from "./builder";

type CanvosContext = Context<Builder>;

interface Place {
    registry: string;
    repository: string;
    tag: string;
}

/** Pushes the images of a build, and tells the digest that each has in its registry. */
export async function pushBuilt(
    images: readonly BuiltImage[],
    context: CanvosContext,
): Promise<PushedImage[]> {
    const { client, signal } = context;
    const pushed: PushedImage[] = [];
    for (const { kubernetesVersion = "", reference, dockerImageId } of images) {
        context.progress(`pushing ${reference}`);
        // Said before anything is uploaded: gigabytes later is late for a wrong login.
        await registryOf(placeOf(reference), client).ping({ signal });
        await client.withLogin(reference, (docker) => docker.text(["push", reference], { signal }));
        const { registry, repository, tag } = placeOf(reference);
        const found = await registryOf({ registry }, client).headManifest(repository, tag, { signal });
        if (!found) throw new EdgeError(`${reference} was pushed, and the registry does not have it`);
        pushed.push({ ...{ kubernetesVersion, reference, dockerImageId }, digest: found.digest });
    }
    return pushed;
}

/** Whether the registry still has all images as they were pushed: one question a tag. */
export async function findPushed(
    images: readonly PushedImage[],
    { client, signal, log }: CanvosContext,
): Promise<"all" | "not all"> {
    let isWhole = true;
    for (const { reference, digest } of images) {
        const { registry, repository, tag } = placeOf(reference);
        const found = await registryOf({ registry }, client).headManifest(repository, tag, { signal });
        if (found?.digest === digest) continue;
        isWhole = false;
        log.warn(
            found
                ? `${reference} was overwritten: it is ${found.digest} now, and was pushed as ${digest ?? "nothing"}`
                : `${reference} is gone from its registry`,
        );
    }
    return isWhole ? "all" : "not all";
}

/** Removes images by their digests: a tag that has another image by now keeps it. */
export async function removePushed(
    images: readonly PushedImage[],
    { client, signal, log }: CanvosContext,
): Promise<void> {
    for (const { reference, digest } of images) {
        const { registry, repository, tag } = placeOf(reference);
        const api = registryOf({ registry }, client);
        const found = await api.headManifest(repository, tag, { signal });
        if (digest === undefined || !found) continue;
        if (found.digest === digest) await api.deleteManifest(repository, digest, { signal });
        else log.warn(`${reference} has another image by now, and stays`);
    }
}

function placeOf(reference: string): Place {
    const read = parseReference(`oci://${reference}`);
    if (!read) throw new Error(`no reference of an image: ${reference}`);
    return { registry: read.registry, repository: read.repository, tag: read.tag ?? "latest" };
}

function registryOf({ registry }: Pick<Place, "registry">, { settings, host }: Builder): RegistryClient {
    return new RegistryClient(
        {
            registry,
            ...(settings.registry ? { login: settings.registry } : {}),
            advice: {
                endpoint: "arguments.imageRegistry",
                caFile: "the certificates that Node and Docker trust",
                credentials: `registryUsername and registryPassword of edge-os:canvos, or docker login ${registry}`,
            },
        },
        host,
    );
}

import { Readable } from "node:stream";
import type * as OciClient from "../oci/client";
import { artifactManifest, EMPTY, EMPTY_BLOB } from "../oci/manifest";
import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import type { PushedImage } from "./applianceImage.schema";
import type { BuiltImage } from "./build.types";
import type { Builder } from "./builder";
import { type ImagePlace, placeOf, pushImage } from "./push";

type CanvosContext = Context<Builder>;

/** Pushes the images of a build, and tells of each the digest that it has in its registry once it is there. */
export async function pushBuilt(
    images: readonly BuiltImage[],
    context: CanvosContext,
    onPushed: (image: PushedImage) => void,
): Promise<void> {
    const { client, signal } = context;
    for (const { kubernetesVersion = "", reference, dockerImageId } of images) {
        context.progress(`pushing ${reference}`);
        // Said before anything is uploaded: gigabytes later is late for a wrong login.
        const registry = registryOf(placeOf(reference), client);
        await registry.ping({ signal });
        const { digest } = await client.withLogin(reference, (docker) =>
            pushImage({ reference, dockerImageId }, { ...context, docker, registry }),
        );
        onPushed({ kubernetesVersion, reference, dockerImageId, digest });
    }
}

/** Whether an image's registry answers and takes the login. */
export async function assertLogin(reference: string, builder: Builder, signal: AbortSignal): Promise<void> {
    await registryOf(placeOf(reference), builder).ping({ signal });
}

/** Brings images back that only the registry has by now: building them once more would give others. */
export async function pullMissing(
    images: readonly PushedImage[],
    { client, signal, log }: CanvosContext,
): Promise<void> {
    for (const { reference, digest, dockerImageId } of images) {
        if (digest === undefined) continue;
        if ((await client.docker.imageId(reference, { signal })) === dockerImageId) continue;
        try {
            await client.withLogin(reference, (docker) => docker.text(["pull", "-q", reference], { signal }));
        } catch (error) {
            signal.throwIfAborted();
            log.info(`${reference} is not in Docker and cannot be pulled: ${messageOf(error)}`);
        }
    }
}

/** Whether the registry still has all images as they were pushed: one question a tag. */
export async function findPushed(
    images: readonly PushedImage[],
    { client, signal, log }: CanvosContext,
): Promise<"all" | "not all"> {
    let isWhole = true;
    for (const { reference, digest } of images) {
        // A push that has failed leaves it without.
        if (digest === undefined) {
            isWhole = false;
            log.warn(`${reference} was not pushed yet: the next pulumi up does that`);
            continue;
        }
        const { registry, repository, tag } = placeOf(reference);
        const found = await registryOf({ registry }, client).headManifest(repository, tag, { signal });
        if (found?.digest === digest) continue;
        isWhole = false;
        log.warn(
            found
                ? `${reference} was overwritten: it is ${found.digest} now, and was pushed as ${digest}`
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
        if (found.digest !== digest) log.warn(`${reference} has another image by now, and stays`);
        // With the image all of its tags go, and one of them may be that of the build that replaces this one.
        else if (await hasOtherTag(api, { repository, tag }, digest, signal))
            await removeTag(api, { repository, tag }, signal);
        else await api.deleteManifest(repository, digest, { signal });
    }
}

type Tagged = Pick<ImagePlace, "repository" | "tag">;

async function hasOtherTag(
    api: OciClient.RegistryClient,
    { repository, tag }: Tagged,
    digest: string,
    signal: AbortSignal,
): Promise<boolean> {
    for await (const other of api.tags(repository, { signal })) {
        if (other === tag) continue;
        if ((await api.headManifest(repository, other, { signal }))?.digest === digest) return true;
    }
    return false;
}

/** Few registries remove a tag alone: it is moved to a manifest of nothing, and that is removed. */
async function removeTag(
    api: OciClient.RegistryClient,
    { repository, tag }: Tagged,
    signal: AbortSignal,
): Promise<void> {
    const nothing = (): AsyncIterable<Buffer> => Readable.from([EMPTY_BLOB]);
    await api.pushBlob(repository, EMPTY, nothing, { signal });
    const manifest = artifactManifest({
        artifactType: "application/vnd.pulumi-edge-os.removed.v1+json",
        layers: [EMPTY],
        // Its own for each tag: two that are removed at once must not take the other's along.
        annotations: { "org.opencontainers.image.ref.name": tag },
    });
    const digest = await api.putManifest(repository, tag, manifest, { signal });
    await api.deleteManifest(repository, digest, { signal });
}

function registryOf({ registry }: Pick<ImagePlace, "registry">, builder: Builder): OciClient.RegistryClient {
    return registryClient(registry, "arguments.imageRegistry", builder, builder.settings.registry);
}

/** `input` names the registry; without a login that of `docker login` is taken. */
export function registryClient(
    registry: string,
    input: string,
    { host }: Pick<Builder, "host">,
    login?: { readonly username: string; readonly password: string },
): OciClient.RegistryClient {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- most previews ask no registry anything
    const { RegistryClient } = require("../oci/client") as typeof OciClient;
    return new RegistryClient(
        {
            registry,
            ...(login ? { login } : {}),
            advice: {
                endpoint: input,
                caFile: "the certificates that Node and Docker trust",
                credentials: `registryUsername and registryPassword of edge-os:canvos, or docker login ${registry}`,
            },
        },
        host,
    );
}

import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import type { ApplianceInputs, ApplianceOutputs } from "./applianceImage.schema";
import type { Builder } from "./builder";

/** Earthly gives each image a second name, by the platform that it is for. */
const PLATFORMS = ["_linux_amd64", "_linux_arm64"];
const ANSWER_LIMIT = 10_000;

/**
 * Takes the names of a build's images away from this machine's Docker, and with them the images. They are caches: that
 * one cannot be removed keeps nothing from being deleted.
 */
export async function removeLocalImages(
    { exactTag }: Pick<ApplianceInputs, "exactTag">,
    { images }: Pick<ApplianceOutputs, "images">,
    { client: { docker, host }, signal }: Pick<Context<Builder>, "client" | "signal">,
): Promise<void> {
    const names: { name: string; id?: string }[] = images.map(({ reference, dockerImageId }) => ({
        name: reference,
        id: dockerImageId,
    }));
    // With an exact tag, builds of other inputs have the same name.
    if (exactTag !== true) names.push(...images.map((image) => ({ name: installerOf(image) })));
    const all = names.flatMap(({ name, ...rest }) =>
        ["", ...PLATFORMS].map((end) => ({ name: name + end, ...rest })),
    );
    for (const { name, id } of all) {
        try {
            const there = await docker.imageId(name, { timeLimit: ANSWER_LIMIT, signal });
            if (there === undefined || (id !== undefined && there !== id)) continue;
            await docker.text(["image", "rm", name], { signal });
        } catch (error) {
            signal.throwIfAborted();
            host.warn(`${name} stays in Docker: ${messageOf(error)}`);
        }
    }
}

/** `…:kubeadm-1.34.2-v4.8.10-demo1a2b3c4d` comes with `palette-installer-image:v4.8.10-demo1a2b3c4d`. */
function installerOf({ reference, kubernetesVersion }: ApplianceOutputs["images"][number]): string {
    const between = `-${kubernetesVersion}-`;
    return `palette-installer-image:${reference.slice(reference.lastIndexOf(between) + between.length)}`;
}

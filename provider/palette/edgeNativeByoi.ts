import * as pulumi from "@pulumi/pulumi";
import type { ProfilePackArgs } from "./clusterProfile";

/** A provider image that something has built and pushed; `canvos.ApplianceImage` is one. */
export interface ProviderImage {
    /** The image's reference, with the tag as it was pushed; empty where there is one for each of several versions. */
    readonly systemUri: pulumi.Input<string>;
    /** Versions of Kubernetes that are inside. */
    readonly kubernetesVersions?: pulumi.Input<pulumi.Input<string>[]>;
    /** The references by Kubernetes version, where several images were built. */
    readonly references?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** What `edgeNativeByoi` makes a pack of. */
export interface EdgeNativeByoiArgs {
    /** The image that nodes run. */
    readonly image: ProviderImage;
    /** Which of the image's Kubernetes versions it is, where there are several: that of the Kubernetes pack. */
    readonly kubernetesVersion?: pulumi.Input<string>;
    /** Version of the pack. Default: `2.1.0`. */
    readonly tag?: pulumi.Input<string>;
    /** Registry of the pack, by name or uid. Default: the tenant's default one. */
    readonly registry?: pulumi.Input<string>;
    /** More images that the nodes need before they can reach a registry. */
    readonly contentImages?: pulumi.Input<pulumi.Input<string>[]>;
    /** More of the pack's values, such as `stages`; set in those that are made here. */
    readonly overrides?: ProfilePackArgs["overrides"];
}

const PACK = "edge-native-byoi";
const OWN_IMAGE = `{{.spectro.pack.${PACK}.options.system.uri}}`;

/**
 * The operating system's pack of a profile whose nodes run this image, with its reference as it is: made of parts, as
 * CanvOS prints it, it is not always that of the image that was built. The profile refuses a Kubernetes pack of a version
 * that is not inside.
 *
 * @example
 * ```ts
 * const profile = new palette.ClusterProfile("edge", {
 *     name: "edge",
 *     version: "1.0.0",
 *     packs: [palette.edgeNativeByoi({ image: appliance }), { name: "edge-k8s", tag: "1.34.2" }],
 * });
 * ```
 */
export function edgeNativeByoi(args: EdgeNativeByoiArgs): ProfilePackArgs {
    const { image, kubernetesVersion, tag = "2.1.0", registry, contentImages = [], overrides } = args;
    const kubernetesVersions =
        kubernetesVersion === undefined ? image.kubernetesVersions : [kubernetesVersion];
    const uri = pulumi
        .all([image.systemUri, image.references ?? {}, kubernetesVersion])
        .apply(([only, references, version]) => referenceOf(only, references, version));
    return {
        ...{ name: PACK, tag },
        values: pulumi.all([uri, contentImages]).apply(([own, images]) => valuesOf(own, images)),
        ...(registry === undefined ? {} : { registry }),
        ...(kubernetesVersions === undefined ? {} : { kubernetesVersions }),
        ...(overrides === undefined ? {} : { overrides }),
    };
}

function referenceOf(
    only: string,
    references: Readonly<Record<string, string>>,
    version: string | undefined,
): string {
    const versions = Object.keys(references);
    const found = version === undefined || versions.length === 0 ? only : references[version];
    if (found !== undefined && found !== "") return found;
    throw new pulumi.RunError(
        version === undefined
            ? `edgeNativeByoi: there is an image for each of Kubernetes ${versions.join(", ")}: give kubernetesVersion, that of the Kubernetes pack`
            : `edgeNativeByoi: there is no image with Kubernetes ${version}: there are ${versions.join(", ")}`,
    );
}

function valuesOf(systemUri: string, contentImages: readonly string[]): string {
    const lines = [OWN_IMAGE, ...contentImages].map((image) => `      - image: ${JSON.stringify(image)}`);
    const uri = JSON.stringify(systemUri);
    return ["pack:", "  content:", "    images:", ...lines, "options:", `  system.uri: ${uri}`, ""].join(
        "\n",
    );
}

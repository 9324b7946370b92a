import { EdgeError } from "../resource/errors";

/** What the names of a build's images are made of: effective values, the same in both generations of CanvOS. */
export interface NameParts {
    registry: string;
    repo: string;
    k8sDistribution: string;
    k8sVersions: readonly string[];
    peVersion: string;
    customTag: string;
    isoName: string;
}

export interface ImageNames {
    /** `PE_VERSION-CUSTOM_TAG`, the part that all tags end in. */
    imageTag: string;
    /** By Kubernetes version: what a profile's `system.uri` names. */
    providers: Readonly<Record<string, string>>;
    /** Only in the Docker daemon; its name has neither system nor Kubernetes, so that builds overwrite each other's. */
    installer: string;
    /** The ISO as an image, of the target `iso-disk-image`. */
    isoDisk: string;
}

/** The longest tag that registries take. */
const TAG_MAX = 128;

export function imageNames(parts: NameParts): ImageNames {
    const { registry, repo, k8sDistribution, k8sVersions, peVersion, customTag, isoName } = parts;
    const imageTag = customTag === "" ? peVersion : `${peVersion}-${customTag}`;
    const base = `${registry}/${repo}`;
    return {
        imageTag: sound(imageTag),
        providers: Object.fromEntries(
            k8sVersions.map((version) => [
                version,
                `${base}:${sound(`${k8sDistribution}-${version}-${imageTag}`)}`,
            ]),
        ),
        installer: `palette-installer-image:${imageTag}`,
        isoDisk: `${base}/${isoName}:${imageTag}`,
    };
}

function sound(tag: string): string {
    if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(tag) && tag.length <= TAG_MAX) return tag;
    throw new EdgeError(
        `${tag} cannot be the tag of an image: at most ${TAG_MAX} letters, digits and . _ -, beginning with a letter or digit`,
    );
}

/** Earthly leaves every image a second time in the daemon, under this name. */
export function withPlatform(reference: string, arch: string): string {
    return `${reference}_linux_${arch}`;
}

/** The name to push: without the platform that Earthly appends. */
export function withoutPlatform(reference: string): string {
    return reference.replace(/_linux_(?:amd64|arm64)$/, "");
}

/**
 * A CUSTOM_TAG that no other build has: the user's, ending in eight digits of the inputs' digest. CanvOS allows
 * lower-case letters and digits only, so that nothing stands between them.
 */
export function distinctTag(customTag: string, inputHash: string): string {
    return `${customTag}${inputHash.slice(0, 8).toLowerCase()}`;
}

import type { Artifact } from "./buildFiles";

/** A provider image that a build has left in the Docker daemon. */
export interface BuiltImage {
    /** Left out where the build's target takes none. */
    kubernetesVersion?: string;
    /** `registry/repository:tag`, as it is pushed. */
    reference: string;
    /** `sha256:…` of its configuration: what tells whether the daemon still has these bytes. */
    dockerImageId: string;
}

/** A file that a build has left in its folder. */
export interface BuiltFile {
    /** Full path. */
    path: string;
    sizeBytes: number;
    sha256: string;
}

/** What a build has made. */
export interface BuildResult {
    images: BuiltImage[];
    /** `palette-installer-image:…`, only in the daemon. */
    installerImage?: Pick<BuiltImage, "reference" | "dockerImageId">;
    iso?: BuiltFile;
    /** Raw disks, keys and whatever else its targets have left; left out where another machine has built. */
    artifacts?: readonly Artifact[];
    /** CanvOS's own base image with its digest, where it was built from that one; left out where it cannot be told. */
    builtFrom?: string;
    /** How long its steps have taken, as `secondsIn` tells them; left out where another machine has built. */
    seconds?: Readonly<Record<string, number>>;
    /** Everything that the build has printed. */
    logFile: string;
}

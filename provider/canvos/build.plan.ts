import type { BasePlan } from "./baseImage.plan";
import type { KnownCheckout } from "./checkout";
import type { ImageNames } from "./imageNames";

/** Something that is put into the private checkout before a build. */
export interface Placement {
    /** File or folder, full path; a folder is laid over what is there. */
    from: string;
    /** Relative to the checkout. */
    to: string;
}

/** A file of another place that is put into the private checkout. */
export interface Download {
    source: string;
    sha256: string;
    to: string;
}

/** A file that is written into the private checkout. */
export interface PlacedText {
    to: string;
    text: string;
    /** Put behind what the checkout's own file holds. */
    isAddition?: boolean;
    mode?: number;
}

/** Everything that a build needs to know. */
export interface BuildPlan {
    inputHash: string;
    known: KnownCheckout;
    /** Of the `.arg` file, complete. */
    variables: Readonly<Record<string, string>>;
    targets: readonly string[];
    placements: readonly Placement[];
    texts: readonly PlacedText[];
    downloads: readonly Download[];
    names: ImageNames;
    isoName: string;
    makes: { providerImages: boolean; installer: boolean; iso: boolean };
    /** Variables of the build's environment that are in no file: secrets. */
    environment: Readonly<Record<string, string>>;
    /** Name of CanvOS's own base image, where no other is given and it can be told. */
    ownBase?: string;
    /** The same with its digest. */
    builtFrom?: string;
    /** A base image to build first; left out where its registry has it. */
    base?: BasePlan;
    /** The tag may name an older image in the daemon. */
    exactTag: boolean;
}

import type { ImageCheck } from "../image/check";
import type { Secret } from "./verify.secretSearch";
import type { CheckedVerification } from "./verify.schema";

/** A check of something that a build has made. Its id begins with `provider.`, `installer.` or `iso.`. */
export interface BuildCheck extends ImageCheck {
    /** What was looked at: an image's reference, the ISO's file name. */
    artifact: string;
}

/** A file that must be in an image, byte for byte. */
export interface ExpectedFile {
    /** Absolute, in the image. */
    path: string;
    /** Lower-case hexadecimal. */
    sha256: string;
    /** Permission bits; left out where they are not known. */
    mode?: number;
}

/** A link that must be in an image. */
export interface ExpectedLink {
    path: string;
    target: string;
}

/** What the appliance's payload has to leave in a provider image. */
export interface ExpectedAppliance {
    /** Ubuntu's version, which decides about the compiler. */
    osVersion: string;
    /** Installed completely; `doca-all` beside those of every appliance. */
    packages: readonly string[];
    firmware: readonly ExpectedFile[];
    /** The script that prepares a node; executable, too. */
    nodeprep?: ExpectedFile;
}

/** What a build was given, and its results are held to. Plain data. */
export interface BuildExpectations {
    /** As Docker calls it. */
    architecture: "amd64" | "arm64";
    /** Unified kernel images: an ISO without boot menu and squashfs. */
    isUki: boolean;
    kubernetes: {
        distribution: string;
        /** Left out where the version of CanvOS decides by the base image's systemd. */
        isBundled?: boolean;
    };
    /** Of `overlay/files/etc`, which provider images get. */
    providerFiles: readonly (ExpectedFile | ExpectedLink)[];
    /** Of all of `overlay/files`, which the installer gets. */
    installerFiles: readonly (ExpectedFile | ExpectedLink)[];
    /** Of `overlay/files-iso`, content bundles and settings. A large one may be in parts. */
    isoFiles: readonly ExpectedFile[];
    appliance?: ExpectedAppliance;
    /** Exactly as it was given to the build. */
    userData?: string;
    secrets: readonly Secret[];
    /** What the user has asked for beside these. */
    verify: CheckedVerification;
}

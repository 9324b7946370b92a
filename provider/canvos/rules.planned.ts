import type { Problem } from "../resource/problem";
import type { CheckedArguments } from "./arguments.schema";
import type { Earthfile } from "./earthfile";
import type { KubernetesVersions } from "./kubernetesVersions";

/** What is known of a CanvOS checkout before anything is built. */
export interface Checkout {
    /** `git describe --abbrev=0 --tags`, where there are tags. */
    tag?: string;
    earthfile: Earthfile;
    /** Of its `.arg.template`. */
    template: ReadonlyMap<string, string>;
    /** Of its `k8s_version.json`, which older versions have not. */
    versions?: KubernetesVersions;
    /** Its `earthly.sh`. */
    script: string;
    /** Names that it works with. */
    scriptVariables: ReadonlySet<string>;
    /** Whether `secure-boot/` holds keys. */
    hasSecureBootKeys: boolean;
}

/** What is to be built. */
export interface Build {
    arguments: CheckedArguments;
    /** Without `+`. */
    targets: readonly string[];
    /** File names of the appliance payload's firmware. */
    edgeAppliance?: { doca?: string; bfb?: string };
    /** The tag is left as given, without the digest of the inputs at its end. */
    exactTag?: boolean;
    hasUserData?: boolean;
}

/** A build with the checkout's defaults filled in: what the rules look at. */
export interface PlannedBuild extends Build {
    checkout: Checkout;
    /** The effective value of a variable; empty when neither given nor defaulted. */
    value: (variable: string) => string;
}

export interface Finding extends Problem {
    isWarning?: true;
}

const OUTPUTS = {
    providerImages: ["build-all-images", "build-provider-images", "build-provider-images-fips"],
    iso: ["build-all-images", "iso", "build-iso", "build-uki-iso", "uki-iso", "iso-disk-image"],
} as const;

/** Whether one of the targets makes this. */
export function makes(build: Build, output: keyof typeof OUTPUTS): boolean {
    return build.targets.some((target) => (OUTPUTS[output] as readonly string[]).includes(target));
}

export function problem(field: string, message: string): Finding {
    return { path: ["arguments", field], message };
}

export function warning(field: string, message: string): Finding {
    return { path: ["arguments", field], message, isWarning: true };
}

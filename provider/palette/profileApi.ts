/*
 * The objects of Palette's API about packs and cluster profiles, as far as this package uses them. Everything is optional
 * that the API's description has as optional.
 */
import type { Metadata } from "./api";

export interface RegistryRecord {
    readonly uid: string;
    readonly name: string;
    /** `pack`, `oci` or `helm`. */
    readonly kind?: string;
    readonly isDefault?: boolean;
}

/** All versions of a pack in a registry. */
export interface PackVersions {
    readonly tags: readonly {
        readonly version?: string;
        readonly packUid?: string;
        /** `1.34.x` of 1.34.2. */
        readonly parentTags?: readonly string[] | null;
    }[];
    readonly packValues: readonly { readonly packUid?: string; readonly values?: string }[];
}

export const PACK_TYPES = ["spectro", "helm", "manifest", "oci"] as const;
export type PackType = (typeof PACK_TYPES)[number];

/** The uid that all packs have that are made of manifests alone. */
export const MANIFEST_PACK_UID = "spectro-manifest-pack";

export const PROFILE_TYPES = ["cluster", "infra", "add-on"] as const;
export type ProfileType = (typeof PROFILE_TYPES)[number];

export interface ManifestRequest {
    readonly name: string;
    readonly content: string;
}

export interface PackRequest {
    readonly name: string;
    readonly type: PackType;
    readonly tag?: string;
    readonly registryUid?: string;
    /** Empty where Palette cannot look into the registry. */
    readonly uid: string;
    readonly values: string;
    readonly manifests?: readonly ManifestRequest[];
}

export const VARIABLE_FORMATS = [
    "string",
    "number",
    "boolean",
    "ipv4",
    "ipv4cidr",
    "ipv6",
    "version",
    "base64",
] as const;

export const VARIABLE_INPUTS = ["text", "dropdown", "multiline"] as const;

export interface VariableRecord {
    readonly name: string;
    readonly displayName?: string | undefined;
    readonly description?: string | undefined;
    readonly format?: (typeof VARIABLE_FORMATS)[number] | undefined;
    readonly defaultValue?: string | undefined;
    readonly regex?: string | undefined;
    readonly inputType?: (typeof VARIABLE_INPUTS)[number] | undefined;
    readonly options?: readonly { readonly value: string; readonly label?: string | undefined }[] | undefined;
    readonly required?: boolean | undefined;
    readonly immutable?: boolean | undefined;
    readonly hidden?: boolean | undefined;
    readonly isSensitive?: boolean | undefined;
}

export interface ProfileRequest {
    readonly metadata: Metadata & { readonly name: string };
    readonly spec: {
        readonly version: string;
        readonly template: {
            readonly type: ProfileType;
            readonly cloudType: string;
            readonly packs: readonly PackRequest[];
        };
        readonly variables: readonly VariableRecord[];
    };
}

export interface ProfileTemplate {
    readonly type?: string;
    readonly cloudType?: string;
    readonly packs?:
        | readonly {
              readonly name: string;
              readonly type?: string;
              readonly tag?: string;
              readonly version?: string;
              readonly registryUid?: string;
              readonly packUid?: string;
              readonly values?: string;
              readonly manifests?: readonly { readonly name?: string }[] | null;
          }[]
        | null;
}

export interface ProfileRecord {
    readonly metadata: Metadata;
    readonly spec?: {
        readonly version?: string;
        /** What is not published yet. */
        readonly draft?: ProfileTemplate | null;
        readonly published?: ProfileTemplate | null;
    };
    readonly status?: {
        readonly isPublished?: boolean;
        readonly inUseClusters?: readonly { readonly uid?: string; readonly name?: string }[] | null;
        readonly inUseClusterUids?: readonly string[] | null;
        readonly inUseClusterTemplates?: readonly { readonly uid?: string; readonly name?: string }[] | null;
    };
}

/** A profile as the list of all has it. */
export interface ProfileSummary {
    readonly metadata: { readonly uid: string; readonly name: string };
    readonly spec?: { readonly version?: string; readonly cloudType?: string };
}

/** A pack with the contents of its manifests, which profiles themselves do not show. */
export interface PackManifests {
    readonly metadata?: { readonly name?: string };
    readonly spec?: {
        readonly name?: string;
        readonly manifests?: readonly { readonly name?: string; readonly content?: string }[] | null;
    };
}

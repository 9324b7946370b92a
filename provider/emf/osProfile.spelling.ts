/** The spellings of an OS profile's fields and values: the API's, orch-cli's YAML files' and the guides'. */

/** Other names of a field, by the field. Where several are given they must agree. */
export const FIELD_SPELLINGS: Readonly<Record<string, readonly string[]>> = {
    imageUrl: ["image_url", "osImageUrl"],
    sha256: ["osImageSha256"],
    imageId: ["osImageVersion"],
    type: ["osType"],
    provider: ["osProvider"],
    tlsCaCert: ["tlsCert"],
    existingCvesUrl: ["osExistingCvesURL", "existingCvesURL"],
    fixedCvesUrl: ["osFixedCvesURL", "fixedCvesURL"],
};

/** Keys of orch-cli's files that it requires and then does not send, so that they have no effect on a profile. */
export const WITHOUT_EFFECT: readonly string[] = ["osPackageManifestURL", "platformBundle"];

/** Moves fields to the one name the provider knows. A field given in two spellings is an error of the caller. */
export function unifySpellings(
    fields: Readonly<Record<string, unknown>>,
    conflict: (field: string, spelling: string) => Error,
): Record<string, unknown> {
    const unified: Record<string, unknown> = { ...fields };
    for (const [field, spellings] of Object.entries(FIELD_SPELLINGS)) {
        for (const spelling of spellings) {
            const value = unified[spelling];
            if (!(spelling in unified)) continue;
            delete unified[spelling];
            if (value === undefined) continue;
            if (unified[field] !== undefined && unified[field] !== value) throw conflict(field, spelling);
            unified[field] = value;
        }
    }
    return unified;
}

export const TYPE_PREFIX = "OS_TYPE_";
export const PROVIDER_PREFIX = "OS_PROVIDER_KIND_";
export const SECURITY_PREFIX = "SECURITY_FEATURE_";

/** `OS_TYPE_IMMUTABLE` and the guides' `IMMUTABLE` as the short form. */
export function osType(value: string): "MUTABLE" | "IMMUTABLE" {
    return short(value, TYPE_PREFIX) as "MUTABLE" | "IMMUTABLE";
}

export function osProvider(value: string): "INFRA" | "LENOVO" {
    return short(value, PROVIDER_PREFIX) as "INFRA" | "LENOVO";
}

export function securityFeature(value: string): "NONE" | "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" {
    return short(value, SECURITY_PREFIX) as "NONE" | "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";
}

function short(value: string, prefix: string): string {
    return value.startsWith(prefix) ? value.slice(prefix.length) : value;
}

import type { Creates, OsResource } from "./api";
import { EMF_CLAIM_KEY } from "./claims";
import { mergeOsMetadata, metadataText, parseMetadata } from "./osProfileMetadata";
import type { OsProfileInputs } from "./osProfile.schema";
import {
    osProvider,
    osType,
    PROVIDER_PREFIX,
    SECURITY_PREFIX,
    securityFeature,
    TYPE_PREFIX,
} from "./osProfile.spelling";

/** What defines the image a host gets. EMF never changes it in an existing profile. */
export const CONTENT_FIELDS = [
    "imageUrl",
    "sha256",
    "imageId",
    "profileName",
    "type",
    "provider",
    "securityFeature",
    "installedPackagesUrl",
] as const;

/** Immutable too, but no reason for a new version. */
export const TEXT_FIELDS = ["description", "existingCvesUrl", "fixedCvesUrl"] as const;

export type Content = Partial<Pick<OsProfileInputs, (typeof CONTENT_FIELDS)[number]>>;

export type Step =
    | { do: "create" }
    /** Other content under the same name: delete and create, where that is allowed. */
    | { do: "recreate"; differences: string[] }
    | { do: "patch"; body: { architecture?: string; metadata?: string } }
    | { do: "certificate"; tlsCaCert: string };

/** From what is there to what is wanted. `before` is what this program gave last, so that dropped fields are seen. */
export function planOsProfile(
    present: OsResource | undefined,
    desired: OsProfileInputs,
    before: Partial<OsProfileInputs>,
    claim: string,
): Step[] {
    if (!present) return [{ do: "create" }];
    const differences = contentDifferences(contentOf(present), desired, before, "EMF");
    if (clearsCertificate(present, desired)) {
        differences.push("tlsCaCert: EMF has one and cannot clear it, the program wants none");
    }
    if (differences.length > 0) return [{ do: "recreate", differences }];

    const steps: Step[] = [];
    const body: { architecture?: string; metadata?: string } = {};
    const architecture = desired.architecture ?? (before.architecture === undefined ? undefined : "");
    if (architecture !== undefined && architecture !== present.architecture) body.architecture = architecture;
    const stored = parseMetadata(present.metadata);
    const metadata = metadataText(
        mergeOsMetadata(stored, desired.metadata ?? {}, before.metadata ?? {}, claim),
    );
    if (metadata !== metadataText(stored)) body.metadata = metadata;
    if (Object.keys(body).length > 0) steps.push({ do: "patch", body });

    const certificate = desired.pinnedCertificate;
    if (certificate !== undefined && certificate !== present.tlsCaCert) {
        steps.push({ do: "certificate", tlsCaCert: certificate });
    }
    return steps;
}

/** Each differing field in one line. Fields that the program never gave are not compared. */
export function contentDifferences(
    present: Content,
    desired: Content,
    before: Content,
    where: string,
): string[] {
    return CONTENT_FIELDS.flatMap((field) => {
        const wanted = desired[field] ?? (before[field] === undefined ? undefined : "");
        const is = present[field] ?? "";
        if (wanted === undefined || wanted === is) return [];
        return [`${field}: ${where} has ${JSON.stringify(is)}, the program ${JSON.stringify(wanted)}`];
    });
}

export function contentOf(profile: OsResource): Content {
    return {
        imageUrl: profile.imageUrl,
        sha256: profile.sha256,
        imageId: profile.imageId,
        profileName: profile.profileName,
        type: osType(profile.osType),
        provider: osProvider(profile.osProvider),
        securityFeature: securityFeature(profile.securityFeature),
        installedPackagesUrl: profile.installedPackagesUrl,
    };
}

export function createBody(profile: OsProfileInputs, claim: string): Creates["os"] {
    const { type, provider, metadata, pinnedCertificate } = profile;
    const optional = {
        architecture: profile.architecture,
        imageId: profile.imageId,
        profileName: profile.profileName,
        description: profile.description,
        installedPackagesUrl: profile.installedPackagesUrl,
        existingCvesUrl: profile.existingCvesUrl,
        fixedCvesUrl: profile.fixedCvesUrl,
        tlsCaCert: pinnedCertificate,
    };
    return {
        name: profile.name,
        imageUrl: profile.imageUrl,
        sha256: profile.sha256,
        osType: TYPE_PREFIX + type,
        osProvider: PROVIDER_PREFIX + provider,
        securityFeature: SECURITY_PREFIX + profile.securityFeature,
        metadata: metadataText({ ...metadata, [EMF_CLAIM_KEY]: claim }),
        // The server refuses null, and answers "" for what was never given.
        ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    };
}

export function claimOfProfile(profile: OsResource): string | undefined {
    return parseMetadata(profile.metadata)[EMF_CLAIM_KEY];
}

export function describeProfile({ name, resourceId }: OsResource): string {
    return `OS profile ${JSON.stringify(name)} (${resourceId})`;
}

/** Only an explicit "" asks for none; without the input the certificate is not managed. */
function clearsCertificate(present: OsResource, desired: OsProfileInputs): boolean {
    return desired.tlsCaCert === "" && present.tlsCaCert !== "";
}

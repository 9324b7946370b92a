/** A manifest in a registry: `registry.example.com:5000/edge/ubuntu:24.04` or `…@sha256:…`. */
export interface Reference {
    /** Host, with its port where it has one. */
    readonly registry: string;
    readonly repository: string;
    readonly tag?: string;
    /** `sha256:…`. */
    readonly digest?: string;
}

const HOST = "(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?";
const PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const TAG = "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}";
const DIGEST = "sha256:[0-9a-f]{64}";
const REFERENCE = new RegExp(`^oci://(${HOST})/(${PART}(?:/${PART})*)(?::(${TAG}))?(?:@(${DIGEST}))?$`);

/** Reads `oci://host/repository[:tag][@digest]`; undefined when it is not of that form. */
export function parseReference(text: string): Reference | undefined {
    const [, registry, repository, tag, digest] = REFERENCE.exec(text) ?? [];
    if (registry === undefined || repository === undefined) return undefined;
    return {
        ...{ registry, repository },
        ...(tag === undefined ? {} : { tag }),
        ...(digest === undefined ? {} : { digest }),
    };
}

export function formatReference({ registry, repository, tag, digest }: Reference): string {
    const named = tag === undefined ? "" : `:${tag}`;
    return `oci://${registry}/${repository}${named}${digest === undefined ? "" : `@${digest}`}`;
}

export function isTag(text: string): boolean {
    return new RegExp(`^${TAG}$`).test(text);
}

import { isDeepStrictEqual } from "node:util";
import { PALETTE_CLAIM_KEY } from "./claims";
import { decodeLabels, encodeLabels, type Labels } from "./labels";

/** What a program says about an object beside its content. */
export interface Described {
    readonly description?: string | undefined;
    readonly tags?: Labels | undefined;
}

/** Where Palette keeps it. */
export interface Description {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
}

/** What a new object carries. */
export function newDescription({ tags = {}, description }: Described, claim: string): Description {
    return {
        labels: { ...encodeLabels(tags), [PALETTE_CLAIM_KEY]: claim },
        annotations: description === undefined ? {} : { description },
    };
}

/** What is to be written; undefined when it is right. What others have added stays; what is taken out goes. */
export function descriptionChange(
    observed: Description,
    { tags = {}, description }: Described,
    { claim, previous }: { readonly claim: string; readonly previous?: Described | undefined },
): Description | undefined {
    const dropped = Object.keys(previous?.tags ?? {}).filter((key) => !Object.hasOwn(tags, key));
    const kept = Object.entries(observed.labels).filter(([key]) => !dropped.includes(key));
    const labels = { ...Object.fromEntries(kept), ...encodeLabels(tags), [PALETTE_CLAIM_KEY]: claim };
    const annotations: Record<string, string> = { ...observed.annotations };
    if (description !== undefined) annotations.description = description;
    else if (previous?.description !== undefined) delete annotations.description;
    const isSame =
        isDeepStrictEqual(labels, { ...observed.labels }) &&
        isDeepStrictEqual(annotations, { ...observed.annotations });
    return isSame ? undefined : { labels, annotations };
}

/** What of it the program declares, as it is; the rest belongs to others. */
export function declaredDescription({ labels, annotations }: Description, declared: Described): Described {
    const kept = Object.entries(labels).filter(([key]) => Object.hasOwn(declared.tags ?? {}, key));
    return {
        ...(declared.tags === undefined ? {} : { tags: decodeLabels(Object.fromEntries(kept)) }),
        ...(declared.description === undefined ? {} : { description: annotations.description }),
    };
}

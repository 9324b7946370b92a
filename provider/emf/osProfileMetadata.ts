import * as yaml from "yaml";
import { isRecord } from "../resource/unknown";
import { EMF_CLAIM_KEY } from "./claims";

/** Metadata of an OS profile: text that holds a flat JSON object, as one column of EMF. */

const KEY = /^(?:[a-z.]+\/(?:[a-z0-9]|[a-z0-9][a-z0-9\-_.]*[a-z0-9])|[a-z]|[a-z0-9][a-z0-9\-_.]*[a-z0-9])$/;
/** Narrower than EMF's own rule for values by the plus sign, which the API's schema refuses in the whole text. */
const VALUE = /^(?:[a-z0-9]|[a-z0-9][a-z0-9._-]*[a-z0-9])?$/;
const MAX_LENGTH = 63;
const MAX_TEXT = 500;
const KERNEL = /^linux-image-\d+\.\d+\.\d+-\d+-[a-z][a-z0-9-]*$/;

/** The guides' spellings of the two keys that the onboarding service reads. */
const KEY_SPELLINGS: Readonly<Record<string, string>> = {
    kernelVersion: "kernelversion",
    kernel_version: "kernelversion",
    skip_kernel_upgrade: "skipkernelupgrade",
    skipKernelUpgrade: "skipkernelupgrade",
};

export type Metadata = Record<string, string>;

/** A map, or a YAML block of `key: value` lines as the guides have it, with keys as EMF reads them. */
export function readMetadata(given: string | Readonly<Record<string, string>>): {
    metadata: Metadata;
    problems: string[];
} {
    const problems: string[] = [];
    const metadata: Metadata = {};
    const raw = typeof given === "string" ? readBlock(given, problems) : given;
    for (const [key, value] of Object.entries(raw)) {
        const name = KEY_SPELLINGS[key] ?? key;
        if (Object.hasOwn(metadata, name) && metadata[name] !== value) {
            problems.push(
                `${JSON.stringify(key)} is another spelling of a key that is given with another value`,
            );
        }
        metadata[name] = value;
    }
    for (const [key, value] of Object.entries(metadata)) problems.push(...itemProblems(key, value));
    const length = metadataText({ ...metadata, [EMF_CLAIM_KEY]: "x".repeat(29) }).length;
    if (length > MAX_TEXT) {
        problems.push(
            `must be shorter: as JSON, with this package's own key, it has ${length} of at most ${MAX_TEXT} characters`,
        );
    }
    return { metadata, problems };
}

/** As EMF stores it: keys sorted, no blanks. */
export function metadataText(metadata: Readonly<Metadata>): string {
    const sorted = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify(Object.fromEntries(sorted));
}

/** What is stored; text that is no flat object of strings (null values pass the server) counts as far as it is one. */
export function parseMetadata(text: string): Metadata {
    if (text === "") return {};
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch {
        return {};
    }
    if (!isRecord(value)) return {};
    return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, typeof item === "string" ? item : ""]),
    );
}

/** What to store: foreign keys stay, declared ones get their value, those no longer declared go. */
export function mergeOsMetadata(
    present: Readonly<Metadata>,
    declared: Readonly<Metadata>,
    before: Readonly<Metadata>,
    claim: string,
): Metadata {
    const kept = Object.entries(present).filter(([key]) => !Object.hasOwn(before, key));
    return { ...Object.fromEntries(kept), ...declared, [EMF_CLAIM_KEY]: claim };
}

/** The declared keys as they are stored; undefined where none are declared. */
export function declaredOf(
    present: Readonly<Metadata>,
    declared: Readonly<Metadata> | undefined,
): Metadata | undefined {
    if (declared === undefined) return undefined;
    return Object.fromEntries(Object.entries(present).filter(([key]) => Object.hasOwn(declared, key)));
}

function readBlock(text: string, problems: string[]): Readonly<Record<string, string>> {
    if (text.trim() === "") return {};
    let value: unknown;
    try {
        // Every scalar stays text: `true` and 6.80 must not change their spelling.
        value = yaml.parse(text, { schema: "failsafe" });
    } catch (error) {
        problems.push(`is not YAML: ${(error as Error).message.split("\n", 1)[0] ?? ""}`);
        return {};
    }
    if (isRecord(value) && Object.values(value).every((item) => typeof item === "string")) {
        return value as Record<string, string>;
    }
    problems.push('must be a map, or lines of the form "key: value"');
    return {};
}

function itemProblems(key: string, value: string): string[] {
    if (key === EMF_CLAIM_KEY) return [`the key ${EMF_CLAIM_KEY} is this package's own: leave it out`];
    const problems = [];
    if (key.length > MAX_LENGTH || !KEY.test(key)) {
        problems.push(
            `key ${JSON.stringify(key)} must be at most ${MAX_LENGTH} lower-case letters, digits and - _ . , ` +
                "beginning and ending with a letter or digit (a single character: a letter)",
        );
    }
    if (key === "kernelversion" && !KERNEL.test(value)) {
        problems.push(
            `kernelversion ${JSON.stringify(value)} must name a package of the form linux-image-<version>-<abi>-<flavour>, ` +
                "such as linux-image-6.11.0-17-generic",
        );
    } else if (value.length > MAX_LENGTH || !VALUE.test(value)) {
        problems.push(
            `value ${JSON.stringify(value)} of ${key} must be at most ${MAX_LENGTH} lower-case letters, digits and ` +
                ". _ - , beginning and ending with a letter or digit",
        );
    }
    return problems;
}

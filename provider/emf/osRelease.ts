/** `/etc/os-release` as name and value; see os-release(5). */
export type OsRelease = Readonly<Record<string, string>>;

const QUOTED = /^(["'])(.*)\1$/s;

export function parseOsRelease(text: string): OsRelease {
    const entries = text.split("\n").flatMap((line): [string, string][] => {
        const [, name, value] = /^\s*([A-Z0-9_]+)=(.*?)\s*$/.exec(line) ?? [];
        if (name === undefined || value === undefined) return [];
        const [, quote, quoted = ""] = QUOTED.exec(value) ?? [];
        return [[name, quote === undefined ? value : quoted.replace(/\\(["'$`\\])/g, "$1")]];
    });
    return Object.fromEntries(entries);
}

/** Fields that are a version as a whole. */
const VERSIONS = ["VERSION_ID", "IMAGE_VERSION", "BUILD_ID", "VERSION", "PRETTY_NAME"] as const;
/** Fields that say a version among other words: `Ubuntu 24.04.1 LTS`. */
const SENTENCES = ["VERSION", "PRETTY_NAME"] as const;

/** Whether a system calls itself by this version, in any of the ways that distributions have for it. */
export function isVersion(release: OsRelease, version: string): boolean {
    return (
        VERSIONS.some((field) => release[field] === version) ||
        SENTENCES.some((field) => (release[field] ?? "").split(/[\s()]+/).includes(version))
    );
}

/** `Ubuntu 24.04.1 LTS (VERSION_ID 24.04)` */
export function describeRelease(release: OsRelease): string {
    const name = release.PRETTY_NAME ?? release.NAME ?? "a system without a name";
    const ids = (["VERSION_ID", "IMAGE_VERSION", "BUILD_ID"] as const)
        .filter((field) => release[field] !== undefined)
        .map((field) => `${field} ${release[field] ?? ""}`);
    return ids.length > 0 ? `${name} (${ids.join(", ")})` : name;
}

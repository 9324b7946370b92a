/** What the platform does with an image's URL: which it takes, and what it derives from the name. */

const MAX_LENGTH = 500;
/** The API's own set, in its words: no % & + ~ ' \ and nothing beyond ASCII. */
const ALLOWED = /[a-zA-Z\-_0-9./:;=@?!#,<>*()" ]/;
/** What the onboarding service takes for compressed: the URL itself must end so. */
const COMPRESSED = /\.(bz2|bzip2|gz|xz|zs|zst)$/;
const ARCHIVE = /\.(tar|tgz|zip|7z)(\.(bz2|bzip2|gz|xz|zs|zst))?$/i;

/** Faults of the URL alone, all of them. `relative` is a path in EMF's own release service. */
export function imageUrlProblems(url: string): string[] {
    const problems: string[] = [];
    const path = pathOf(url);

    if (url === "") return ["must not be empty"];
    if (url.length > MAX_LENGTH)
        problems.push(`has ${url.length} characters; EMF takes at most ${MAX_LENGTH}`);
    const bad = [...new Set(url)].filter((character) => !ALLOWED.test(character));
    if (bad.length > 0) {
        problems.push(
            `contains ${bad.map((character) => JSON.stringify(character)).join(" ")}, which EMF refuses in image URLs: ` +
                "rename the file; pre-signed and percent-encoded URLs are not possible",
        );
    }
    if (isRelative(url)) {
        if (url.startsWith("/") || url.includes("..")) problems.push("must be a full https URL");
    } else if (url.startsWith("oci://")) {
        problems.push(
            "must use https: hosts do not stream from registries. Publish the image to a folder or a bucket " +
                "(DiskImage: publish: { directory, baseUrl } or { s3 })",
        );
    } else if (!url.toLowerCase().startsWith("https://")) {
        problems.push("must use https: hosts refuse other schemes when they stream the image");
    } else if (!URL.canParse(url)) {
        problems.push("is not a URL");
    }
    problems.push(...suffixProblems(url, path));
    return problems;
}

/** Faults of the URL together with what is known of the image and the profile. */
export function imageProblems(image: {
    url: string;
    type?: "MUTABLE" | "IMMUTABLE" | undefined;
    format?: "raw" | "qcow2" | undefined;
    privateCa: boolean;
}): string[] {
    const { url, type, format, privateCa } = image;
    const problems: string[] = [];
    if (isRelative(url) && type === "MUTABLE") {
        problems.push("must be a full https URL: paths in the release service are for IMMUTABLE profiles");
    }
    if (format !== "qcow2") return problems;
    if (COMPRESSED.test(url)) {
        problems.push(
            "is a compressed qcow2: the platform would write it raw and the disk would not boot. " +
                "Publish it uncompressed as .img, or as raw and compressed (.raw.gz)",
        );
    } else if (!url.includes(".img")) {
        problems.push(
            'is a qcow2 but its name does not contain ".img": the platform would write it raw and the disk would not ' +
                "boot. Publish it as .img, or as raw (.raw.gz)",
        );
    } else if (privateCa) {
        problems.push(
            "is a qcow2 on a server with a private CA: the platform looks at the image's first bytes without that CA, " +
                "fails, and would write it raw; the disk would not boot. Publish it as raw (.raw.gz), or behind a public CA",
        );
    }
    return problems;
}

/** What is probably not meant. */
export function imageWarnings(image: {
    url: string;
    type?: "MUTABLE" | "IMMUTABLE" | undefined;
    format?: "raw" | "qcow2" | undefined;
    privateCa: boolean;
    /** Names that tell which system it is: the profile's, its family's. */
    names: readonly (string | undefined)[];
}): string[] {
    const { url, type, format, privateCa } = image;
    const warnings: string[] = [];
    const names = [url, ...image.names].join(" ");
    const isUbuntu = /ubuntu/i.test(names);
    const isEmt = !isUbuntu && /microvisor|\bemt\b|edge-readonly/i.test(names);
    if (isUbuntu && type === "IMMUTABLE") {
        warnings.push(
            "type is IMMUTABLE, but this looks like Ubuntu: the platform installs IMMUTABLE as Edge Microvisor",
        );
    }
    if (isEmt && type === "MUTABLE") {
        warnings.push(
            "type is MUTABLE, but this looks like Edge Microvisor: the platform installs MUTABLE as Ubuntu",
        );
    }
    if (privateCa && format === undefined && url.includes(".img") && !COMPRESSED.test(url)) {
        warnings.push(
            `${url} may be a qcow2: behind a private CA the platform would write it raw. ` +
                "Give image: a DiskImage, which knows its format, or publish it as raw.gz",
        );
    }
    if (!isRelative(url) && URL.canParse(url) && new URL(url).username !== "") {
        warnings.push("imageUrl holds a user name or password: EMF stores and shows it in clear text");
    }
    return warnings;
}

export function isRelative(url: string): boolean {
    return !/^[a-z][a-z0-9+.-]*:/i.test(url);
}

function suffixProblems(url: string, path: string): string[] {
    const problems: string[] = [];
    const rawName = path.replace(COMPRESSED, "");
    if (ARCHIVE.test(path)) {
        problems.push("is an archive: the platform does not unpack it. Publish the disk image itself");
    }
    if (rawName !== path && url !== path) {
        problems.push(
            "has a query or fragment behind its suffix: the platform takes only a URL that ends in the suffix for " +
                "compressed, and would write this file as it is",
        );
    }
    if (/\.qcow2$/i.test(rawName) && (rawName !== path || !url.includes(".img"))) {
        problems.push(
            rawName === path
                ? 'ends in .qcow2: the platform detects qcow2 only behind names that contain ".img"; it would write this ' +
                      "file raw and the disk would not boot. Publish it as .img, or as raw.gz"
                : "is a compressed qcow2: the platform would write it raw and the disk would not boot. " +
                      "Publish it uncompressed as .img, or as raw.gz",
        );
    } else if (path.endsWith(".zst")) {
        problems.push(
            "ends in .zst: the platform's writer does not know it for raw images. Compress it as .gz, .xz or .bz2",
        );
    }
    return problems;
}

function pathOf(url: string): string {
    return url.replace(/[?#].*$/s, "");
}

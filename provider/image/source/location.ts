import * as path from "node:path";
import { parseReference } from "../../oci/reference";
import { parseS3Url } from "../../s3/connection";

/** An address as it is, and the full path of a file, which starts in the program's folder. */
export function locate(source: string, projectDir: string): string {
    return isRemote(source) ? source : path.resolve(projectDir, source);
}

export function isRemote(source: string): boolean {
    return schemeOf(source) !== undefined;
}

/** As messages name it: what may be a signature or a password stays out. */
export function nameOf(location: string): string {
    if (!isRemote(location)) return location;
    return location.replace(/[?#].*$/s, "").replace(/^([^:]+:\/\/)[^/]*@/, "$1…@");
}

/** What is wrong with a location before anything is asked; undefined for none. */
export function locationProblem(source: string): string | undefined {
    const scheme = schemeOf(source);
    if (scheme === undefined) return undefined;
    if (scheme === "https" || scheme === "http") return webAddressProblem(source);
    if (scheme === "s3") {
        return parseS3Url(source)
            ? undefined
            : "must name a bucket and a key: s3://edge-images/ubuntu.raw.gz";
    }
    if (scheme === "oci") {
        return parseReference(source)
            ? undefined
            : "must name an artifact: oci://registry.example.com/edge/ubuntu:24.04, or with @sha256:… behind it";
    }
    return `must be a file, or an address that begins with https://, s3:// or oci://; ${scheme}:// is none of these`;
}

/** The address as the user gives it, or what is wrong with it. */
export function webAddressProblem(location: string): string | undefined {
    if (!URL.canParse(location))
        return "must be an address, for example https://images.example.com/edge.raw.gz";
    const url = new URL(location);
    if (url.protocol !== "https:") return "must use https: nothing else says whose bytes they are";
    if (url.username !== "" || url.password !== "") {
        return "must not hold a user name or password, which would stand in the state: set them for the server in edge-os:image.origins or the environment";
    }
    return undefined;
}

/** Last part of a location, which tells how the file is packed. */
export function fileNameOf(location: string): string {
    if (!isRemote(location)) return path.basename(location);
    const last = nameOf(location).split("/").pop() ?? "";
    try {
        return decodeURIComponent(last);
    } catch {
        return last;
    }
}

/** Lower case; undefined for a path. */
export function schemeOf(source: string): string | undefined {
    return /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase();
}

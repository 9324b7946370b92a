import * as path from "node:path";
import type { Host } from "../../resource/context";
import { ImageError } from "../check";
import type { ImageSettings } from "../settings";
import { FileSource } from "./file";
import type { ImageSource } from "./source";
import { openWebSource, webAddressProblem } from "./web";
import { WebClient } from "./webClient";

/** Everywhere an image can come from. */
export class Places {
    private readonly web: WebClient;

    constructor(host: Host, settings: ImageSettings) {
        this.web = new WebClient(settings, host);
    }

    /** Opens what a location names (`locate`). */
    open(location: string, signal?: AbortSignal): Promise<ImageSource> {
        switch (schemeOf(location)) {
            case undefined:
                return FileSource.open(location);
            case "https":
                return openWebSource(location, this.web, signal);
            default:
                throw new ImageError(locationProblem(location) ?? "cannot be opened");
        }
    }
}

/** An address as it is, and the full path of a file, which starts in the program's folder. */
export function locate(source: string, projectDir: string): string {
    return isRemote(source) ? source : path.resolve(projectDir, source);
}

export function isRemote(source: string): boolean {
    return schemeOf(source) !== undefined;
}

/** As messages name it: what may be a signature stays out. */
export function nameOf(location: string): string {
    return isRemote(location) ? location.replace(/[?#].*$/s, "") : location;
}

/** What is wrong with a location before anything is asked; undefined for none. */
export function locationProblem(source: string): string | undefined {
    const scheme = schemeOf(source);
    if (scheme === undefined) return undefined;
    if (scheme === "https" || scheme === "http") return webAddressProblem(source);
    return `must be a file, or an https:// address; ${scheme}:// is neither`;
}

function schemeOf(source: string): string | undefined {
    return /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase();
}

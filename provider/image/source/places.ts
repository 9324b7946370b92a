import type { Host } from "../../resource/context";
import { ImageError } from "../check";
import type { ImageSettings } from "../settings";
import { FileSource } from "./file";
import { locationProblem, schemeOf } from "./location";
import { type PublishedDigest, readPublishedDigest } from "./publishedDigest";
import type { ImageSource } from "./source";
import { openWebSource } from "./web";
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

    /** What the checksum file at a location says that the image of a name must be. */
    publishedDigest(location: string, imageName: string, signal?: AbortSignal): Promise<PublishedDigest> {
        return readPublishedDigest(location, imageName, this.web, signal);
    }
}

import type { RegistryClient } from "../../oci/client";
import type { Host } from "../../resource/context";
import type { S3Client } from "../../s3/client";
import { parseS3Url } from "../../s3/connection";
import { ImageError } from "../check";
import type { ImageSettings } from "../settings";
import { FileSource } from "./file";
import { locationProblem, schemeOf } from "./location";
import { openOciArtifact } from "./oci";
import { type PublishedDigest, readPublishedDigest } from "./publishedDigest";
import { openS3Object } from "./s3";
import type { ImageSource } from "./source";
import type * as web from "./web";
import type * as webClient from "./webClient";

/** Clients of the storage services that a run works with, one each. */
interface Services {
    s3(service: Pick<ImageSettings["s3"], "endpoint" | "region">): S3Client;
    registry(name: string): RegistryClient;
}

/** Loaded on first use. */
interface Modules {
    "./web": typeof web;
    "./webClient": typeof webClient;
}

/** Everywhere an image can come from. */
export class Places {
    private client: webClient.WebClient | undefined;

    constructor(
        private readonly host: Host,
        private readonly settings: ImageSettings,
        private readonly services: Services,
    ) {}

    /** Opens what a location names (`locate`). */
    open(location: string, signal?: AbortSignal): Promise<ImageSource> {
        switch (schemeOf(location)) {
            case undefined:
                return FileSource.open(location);
            case "https":
                return load("./web").openWebSource(location, this.web, signal);
            case "s3":
                return this.openObject(location, signal);
            case "oci":
                return openOciArtifact(location, (name) => this.services.registry(name), signal);
            default:
                throw new ImageError(locationProblem(location) ?? "cannot be opened");
        }
    }

    private openObject(location: string, signal?: AbortSignal): Promise<ImageSource> {
        const place = parseS3Url(location);
        if (!place) throw new ImageError(locationProblem(location) ?? "cannot be opened");
        const { endpoint, region } = this.settings.s3;
        return openS3Object(location, { ...place, endpoint }, this.services.s3({ endpoint, region }), signal);
    }

    private get web(): webClient.WebClient {
        const { WebClient } = load("./webClient");
        return (this.client ??= new WebClient(this.settings, this.host));
    }

    /** What the checksum file at a location says that the image of a name must be. */
    publishedDigest(location: string, imageName: string, signal?: AbortSignal): Promise<PublishedDigest> {
        return readPublishedDigest(location, imageName, this.web, signal);
    }
}

/** The HTTP client takes longer to load than all the rest, and an appliance's preview needs no image of any server. */
function load<K extends keyof Modules>(module: K): Modules[K] {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import()` is no way to load a CommonJS build late
    return require(module) as Modules[K];
}

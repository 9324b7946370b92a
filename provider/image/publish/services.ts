import type * as ociClient from "../../oci/client";
import type { Host } from "../../resource/context";
import type * as s3Client from "../../s3/client";
import { whereS3Credentials } from "../../s3/connection";
import {
    type OciPublication,
    placeOfArtifact,
    type Publication,
    type S3Publication,
} from "../diskImage.publish";
import type { ImageSettings } from "../settings";
import type * as anonymous from "./anonymous";
import type * as ociPublisher from "./oci";
import type { PublishedFile, Publisher } from "./publisher";
import type * as s3Publisher from "./s3";

type S3Client = s3Client.S3Client;
type RegistryClient = ociClient.RegistryClient;

const S3_VARIABLES = "EDGE_OS_IMAGE_S3";

interface Modules {
    "../../s3/client": typeof s3Client;
    "../../oci/client": typeof ociClient;
    "./s3": typeof s3Publisher;
    "./oci": typeof ociPublisher;
    "./anonymous": typeof anonymous;
}

/** Buckets and registries with the settings of images, one client each. Their libraries load on first use. */
export class StorageServices {
    private readonly s3Clients = new Map<string, S3Client>();
    private readonly registries = new Map<string, RegistryClient>();

    constructor(
        private readonly settings: ImageSettings,
        private readonly host: Host,
    ) {}

    publisher(publish: S3Publication | OciPublication): Publisher {
        return "s3" in publish ? this.bucketPublisher(publish.s3) : this.registryPublisher(publish.oci);
    }

    s3({ endpoint, region }: Pick<S3Publication["s3"], "endpoint" | "region">): S3Client {
        const key = `${endpoint ?? ""}\0${region ?? ""}`;
        const client = this.s3Clients.get(key) ?? this.connectS3(endpoint, region);
        this.s3Clients.set(key, client);
        return client;
    }

    /** By host, with its port where it has one. */
    registry(name: string): RegistryClient {
        const client = this.registries.get(name) ?? this.connectRegistry(name);
        this.registries.set(name, client);
        return client;
    }

    /** What somebody without a login gets of a published file. */
    openness(
        publish: Publication,
        file: PublishedFile,
        content: Buffer,
        signal: AbortSignal,
    ): Promise<anonymous.Openness> {
        return load("./anonymous").openness(
            publish,
            { file, content },
            { settings: this.settings, host: this.host, signal },
        );
    }

    private bucketPublisher({ bucket, prefix = "", endpoint, region }: S3Publication["s3"]): Publisher {
        const { S3Publisher } = load("./s3");
        const service = endpoint?.replace(/\/+$/, "") ?? "s3:/";
        return new S3Publisher(this.s3({ endpoint, region }), { bucket, prefix, service }, () =>
            this.host.now(),
        );
    }

    private registryPublisher(place: OciPublication["oci"]): Publisher {
        const { OciPublisher } = load("./oci");
        const artifact = placeOfArtifact(place);
        return new OciPublisher(this.registry(artifact.registry), artifact, () => this.host.now());
    }

    private connectS3(endpoint: string | undefined, region: string | undefined): S3Client {
        const { S3Client: Client } = load("../../s3/client");
        const { credentials } = this.settings.s3;
        return new Client(
            {
                ...(endpoint === undefined ? {} : { endpoint }),
                ...(region === undefined ? {} : { region }),
                ...this.trust(),
                ...(credentials ? { credentials } : {}),
                advice: {
                    endpoint: "the endpoint of the S3 service",
                    bucket: "the bucket's name",
                    region: "its region (or AWS_REGION)",
                    caFile: this.settings.whereCa,
                    credentials: whereS3Credentials(S3_VARIABLES),
                },
            },
            this.host,
        );
    }

    private connectRegistry(registry: string): RegistryClient {
        const { RegistryClient: Client } = load("../../oci/client");
        const url = new URL(`https://${registry}`);
        const login = this.settings.credentials(url);
        return new Client(
            {
                ...{ registry, ...this.trust() },
                ...(login ? { login } : {}),
                advice: {
                    endpoint: "the reference to the registry",
                    caFile: this.settings.whereCa,
                    credentials: `${this.settings.whereCredentials(url)}, or docker login ${registry}`,
                },
            },
            this.host,
        );
    }

    private trust(): { ca?: string } {
        const ca = this.settings.ca();
        return ca === undefined ? {} : { ca };
    }
}

/** AWS's library alone takes as long to load as all the rest: only where a bucket is used. */
function load<K extends keyof Modules>(module: K): Modules[K] {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import()` is no way to load a CommonJS build late
    return require(module) as Modules[K];
}

import * as fs from "node:fs";
import type * as http from "node:http";
import { listen, type Listener, type PortBook } from "../server";
import type { Identity } from "../certificates";

/** The only account that the S3 server knows. */
const ACCOUNT = "S3RVER";

interface S3rver {
    configureBuckets(): Promise<unknown>;
    callback(): http.RequestListener;
}
type S3rverClass = new (options: object) => S3rver;

export interface S3Server {
    readonly listener: Listener;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
}

/** A real S3 server over a folder, behind the lab's certificate. */
export async function startS3(
    directory: string,
    buckets: readonly string[],
    ports: PortBook,
    identity: Identity,
): Promise<S3Server> {
    fs.mkdirSync(directory, { recursive: true });
    const Server = loadServer();
    const server = new Server({
        ...{ directory, silent: true, vhostBuckets: false, resetOnClose: false },
        configureBuckets: buckets.map((name) => ({ name })),
    });
    await server.configureBuckets();
    const listener = await listen({ name: "ims-s3", ports, identity, handler: server.callback() });
    return { listener, accessKeyId: ACCOUNT, secretAccessKey: ACCOUNT };
}

function loadServer(): S3rverClass {
    try {
        // eslint-disable-next-line @typescript-eslint/no-require-imports -- optional, so it may be missing
        return require("s3rver") as S3rverClass;
    } catch (error) {
        throw new Error("the lab's IMS needs an S3 server: npm install --save-dev s3rver@3.7.1", {
            cause: error,
        });
    }
}

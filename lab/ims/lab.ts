import * as path from "node:path";

import { CallCounter } from "../calls";
import type { CertificateAuthority } from "../certificates";
import { FaultList } from "../faults";
import { keptSecret, readJson, type LabFolder } from "../folder";
import { freePort } from "../freePort";
import { createHandler, type Tap } from "../handler";
import { Keeper } from "../keeper";
import { listen, type Listener, type PortBook } from "../server";
import { StandIn, type Front } from "../standIn";
import { addBaseImage } from "./baseImage/computeBase";
import { createGateway } from "./gateway";
import { assertJobsCanRun } from "./jobNeeds";
import type { JobDefect } from "./jobs/pod";
import { JobRunner } from "./jobs/runner";
import { Kubernetes, type KubernetesFaults } from "./kubernetes";
import { startCluster } from "./kubernetesApi";
import { createImsApi } from "./rest/api";
import { DEFAULT_SETTINGS } from "./rest/service";
import { S3Objects } from "./s3Objects";
import { startS3 } from "./s3Server";
import { ImsStore, type Image, type Job, type PublicKey, type Recipe } from "./store";

const BUCKETS = ["boot-images", "ims"];
const CLIENT_ID = "admin-client";
const USERNAME = "vers";

/** How the IMS stand-in behaves. */
export interface ImsLabOptions {
    /** Divides the pauses of a job's containers (seconds of starting and polling). Default 1: as the real ones. */
    jobSpeed?: number;
    /** Seconds an access token is valid. Default 300. */
    imsTokenLifetime?: number;
    /** Have an image to customize, `compute-base`, as a real system has those of its vendor. Default false. */
    imsBaseImage?: boolean;
}

interface Snapshot {
    publicKeys: { present: PublicKey[]; deleted: PublicKey[] };
    images: { present: Image[]; deleted: Image[] };
    recipes: { present: Recipe[]; deleted: Recipe[] };
    jobs: { present: Job[]; deleted: Job[] };
    kubernetes: string[];
}

interface Parts extends Front {
    listener: Listener;
    storage: Listener;
    cluster: Listener;
    objects: S3Objects;
    store: ImsStore;
    kubernetes: Kubernetes;
    runner: JobRunner;
    keeper: Keeper;
}

/** The running stand-in of a Cray's Image Management Service: its gateway, its storage, and jobs that really run. */
export class ImsLab extends StandIn {
    /** The gateway: `https://127.0.0.1:<port>`. */
    readonly endpoint: string;
    /** The S3 storage: `https://127.0.0.1:<port>`. */
    readonly storage: string;
    readonly caFile: string;
    /** File that leads to the API of the cluster whose pods the jobs are. */
    readonly kubeconfig: string;
    readonly clientId = CLIENT_ID;
    readonly username = USERNAME;

    private constructor(
        private readonly parts: Parts,
        readonly clientSecret: string,
        readonly password: string,
        folder: LabFolder,
    ) {
        super(parts);
        this.caFile = folder.caFile;
        this.kubeconfig = folder.kubeconfig;
        this.endpoint = parts.listener.origin;
        this.storage = parts.storage.origin;
    }

    static async start(
        folder: LabFolder,
        authority: CertificateAuthority,
        ports: PortBook,
        { jobSpeed = 1, imsTokenLifetime = 300, imsBaseImage = false }: ImsLabOptions = {},
    ): Promise<ImsLab> {
        if (imsBaseImage) assertJobsCanRun();
        const identity = await authority.server("ims");
        const s3 = await startS3(path.join(folder.ims, "s3"), BUCKETS, ports, identity);
        const storage = { endpoint: s3.listener.origin, ...s3 };
        const objects = new S3Objects(storage, authority.certificate);
        const kubernetes = new Kubernetes();
        const store = new ImsStore(
            () => new Date(),
            () => keeper.touch(),
        );
        const keeper: Keeper = new Keeper(folder.imsData, () => snapshotOf(store, kubernetes));
        restore(readJson(folder.imsData) as Snapshot | undefined, store, kubernetes);
        const api = createImsApi({
            ...{ store, objects, kubernetes, settings: DEFAULT_SETTINGS },
            connectionOf: async (id) => ({
                customer_access: { host: "127.0.0.1", port: await freePort() },
                "cluster.local": { host: `cray-ims-${id}-service.ims.svc.cluster.local`, port: 22 },
            }),
            onJob: (job, event) => (event === "created" ? runner.start(job) : void runner.remove(job)),
        });
        const runner: JobRunner = new JobRunner({
            ...{ store, objects, certificate: authority.certificate, speed: jobSpeed },
            folder: path.join(folder.ims, "jobs"),
            // As the real pod does, by the service's own API: faults of the cluster hit it there.
            report: async ({ id }, fields) => {
                const body = Buffer.from(JSON.stringify(fields));
                const headers = { "content-type": "application/json" };
                await api({ method: "PATCH", url: `/jobs/${id}`, headers, body });
            },
        });
        const faults = new FaultList();
        const calls = new CallCounter();
        const clientSecret = keptSecret(folder.imsClientSecret);
        const password = keptSecret(folder.imsPassword);
        const accounts = { clientId: CLIENT_ID, clientSecret, username: USERNAME, password };
        const gateway = createGateway({
            ...{ api, accounts, storage, tokenLifetime: imsTokenLifetime },
            secret: keptSecret(folder.imsTokenSecret),
        });
        const started: { lab?: ImsLab } = {};
        const tap: Tap = (side, route) => started.lab?.tap?.(side, route);
        const handler = createHandler({ answer: gateway, faults, calls, tap });
        const listener = await listen({ name: "ims", ports, identity, handler });
        const cluster = await startCluster(folder, ports, identity, () => runner.pods());
        const parts = {
            ...{ listener, cluster },
            storage: s3.listener,
            objects,
            store,
            kubernetes,
            runner,
            faults,
            calls,
            keeper,
        };
        started.lab = new ImsLab(parts, clientSecret, password, folder);
        runner.resume();
        if (imsBaseImage) await orClose(started.lab, () => addBaseImage(parts));
        return started.lab;
    }

    /** What the service remembers. */
    get store(): ImsStore {
        return this.parts.store;
    }

    /** The buckets `boot-images` and `ims`. */
    get objects(): S3Objects {
        return this.parts.objects;
    }

    /** The objects the service has made in its cluster: `<kind>/<name>`. */
    kubernetesObjects(): string[] {
        return this.parts.kubernetes.list();
    }

    /** From now on the cluster refuses these calls: `{ "POST services": 500 }`; `{}` ends it. */
    breakKubernetes(faults: KubernetesFaults): void {
        this.parts.kubernetes.faults = faults;
    }

    /** The next job stops for ever, or fails, at a place. */
    breakNextJob(defect: JobDefect): void {
        this.parts.runner.breakNext(defect);
    }

    /** Whether a job's user has ended the session, which its pod may not have seen yet. */
    sessionIsOver(jobId: string): boolean {
        return this.parts.runner.sessionIsOver(jobId);
    }

    /** A pod of a job that this lab does not run, with what one of its containers has printed. */
    addPod(job: string, container: string, lines: readonly string[]): void {
        this.parts.runner.addPod(job, container, lines);
    }

    async close(): Promise<void> {
        await this.parts.listener.close();
        await this.parts.cluster.close();
        await this.parts.runner.close();
        this.parts.objects.close();
        await this.parts.storage.close();
        this.parts.keeper.flush();
    }
}

async function orClose(lab: ImsLab, body: () => Promise<unknown>): Promise<void> {
    try {
        await body();
    } catch (error) {
        await lab.close();
        throw error;
    }
}

function snapshotOf({ publicKeys, images, recipes, jobs }: ImsStore, kubernetes: Kubernetes): object {
    return { publicKeys, images, recipes, jobs, kubernetes: kubernetes.list() };
}

function restore(snapshot: Snapshot | undefined, store: ImsStore, kubernetes: Kubernetes): void {
    if (!snapshot) return;
    store.publicKeys.restore(snapshot.publicKeys);
    store.images.restore(snapshot.images);
    store.recipes.restore(snapshot.recipes);
    store.jobs.restore(snapshot.jobs);
    kubernetes.restore(snapshot.kubernetes);
}

import type { Kubernetes } from "../kubernetes";
import type { ObjectStore } from "../objects";
import type { ImsStore, Job, SshContainer } from "../store";

/** Settings of an installation, by the names its chart gives them. */
export interface ImsSettings {
    /** JOB_ENABLE_DKMS: the default of `require_dkms` for customizations. */
    readonly enableDkms: boolean;
    /** DEFAULT_IMS_IMAGE_SIZE, in GiB. */
    readonly imageSize: number;
    /** DEFAULT_IMS_JOB_MEM_SIZE, in GiB. */
    readonly jobMemSize: number;
}

export const DEFAULT_SETTINGS: ImsSettings = { enableDkms: true, imageSize: 60, jobMemSize: 8 };

/** What the REST part works on. */
export interface ImsService {
    readonly store: ImsStore;
    readonly objects: ObjectStore;
    readonly kubernetes: Kubernetes;
    readonly settings: ImsSettings;
    /** Where the job's SSH server is reached; not before the job runs, in the real service as well. */
    readonly connectionOf: (jobId: string) => Promise<SshContainer["connection_info"]>;
    /** Told when a job is made, and when its record is deleted. */
    readonly onJob?: (job: Job, event: "created" | "deleted") => void;
}

/** One request, as the handlers of a route see it. */
export interface Call {
    readonly service: ImsService;
    /** The part of the path behind the collection. */
    readonly id: string;
    readonly query: URLSearchParams;
    /** v2 deletes for good, v3 softly. */
    readonly version: "v2" | "v3";
    /** The body; throws what the framework answers to one that is no JSON. */
    readonly body: () => unknown;
}

/** What a handler answers: a status and, unless it is 204, a value. */
export interface Outcome {
    readonly status: number;
    readonly value?: unknown;
}

export type Handler = (call: Call) => Promise<Outcome> | Outcome;

export const NO_CONTENT: Outcome = { status: 204 };

export function ok(value: unknown): Outcome {
    return { status: 200, value };
}

export function created(value: unknown): Outcome {
    return { status: 201, value };
}

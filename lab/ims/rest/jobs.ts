import { KubernetesError, type KubernetesKind } from "../kubernetes";
import type { Image, Job, PublicKey, Recipe, SshContainer } from "../store";
import {
    boolean,
    listOf,
    notBlank,
    nullable,
    oneOf,
    positiveInteger,
    readFields,
    required,
    text,
    uuid,
    withDefault,
} from "./fields";
import { existing, shown } from "./link";
import { pasteJob, pasteKey } from "./jobTemplate";
import { rootfsForJob } from "./manifest";
import { DETERMINE, PLEASE_DETERMINE, Problem } from "./problem";
import { found, input } from "./records";
import { created, NO_CONTENT, ok, type Call, type ImsService, type Outcome } from "./service";

const STATUSES = [
    "creating",
    "fetching_image",
    "fetching_recipe",
    "waiting_for_repos",
    "building_image",
    "packaging_artifacts",
    "waiting_on_user",
    "error",
    "success",
];
export const TYPES = ["create", "customize"];

// The service says this of the memory's size, too.
const TOO_SMALL = "build_env_size must be greater than or equal to 1";

const CREATE = {
    artifact_id: required(uuid()),
    public_key_id: required(uuid()),
    job_type: required(oneOf(TYPES, "Job type must be one of: create, customize.")),
    image_root_archive_name: required(notBlank("image_root_archive_name")),
    enable_debug: withDefault(boolean(), () => false),
    build_env_size: positiveInteger(TOO_SMALL),
    job_mem_size: positiveInteger(TOO_SMALL),
    kernel_file_name: text(),
    initrd_file_name: withDefault(notBlank("initrd_file_name"), () => "initrd"),
    kernel_parameters_file_name: withDefault(
        notBlank("kernel_parameters_file_name"),
        () => "kernel-parameters",
    ),
    require_dkms: boolean(),
    ssh_containers: nullable(listOf({ name: text(), jail: withDefault(boolean(), () => false) })),
};

interface JobInput {
    artifact_id: string;
    public_key_id: string;
    job_type: Job["job_type"];
    image_root_archive_name: string;
    enable_debug: boolean;
    build_env_size?: number;
    job_mem_size?: number;
    kernel_file_name?: string;
    initrd_file_name: string;
    kernel_parameters_file_name: string;
    require_dkms?: boolean;
    ssh_containers?: { name?: string; jail: boolean }[] | null;
}

const PATCH = {
    status: oneOf(STATUSES, `Job state must be one of: ${STATUSES.join(", ")}.`),
    resultant_image_id: uuid(),
};

export async function create(call: Call): Promise<Outcome> {
    const { service } = call;
    const fields = readFields(CREATE, input(call)) as unknown as JobInput;
    refuseContainers(fields);
    const base = await artifactOf(fields, service);
    const job = await jobOf(fields, base, service);
    makeObjects(job, publicKeyOf(fields, service), service);
    service.store.jobs.put(job);
    service.onJob?.(job, "created");
    return created(job);
}

function refuseContainers({ job_type: type, ssh_containers: containers }: JobInput): void {
    const count = containers?.length ?? 0;
    if (type === "create" && count > 0) {
        throw new Problem(
            400,
            `User defined ssh containers during image create are not currently supported. ${DETERMINE}`,
        );
    }
    if (count > 1) {
        throw new Problem(
            400,
            `Only one SSH container is currently supported. Please remove additional containers, ${lowerFirst(DETERMINE)}`,
        );
    }
}

function lowerFirst(sentence: string): string {
    return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

async function artifactOf(
    { job_type: type, artifact_id: id }: JobInput,
    service: ImsService,
): Promise<Image | Recipe> {
    const { store, objects } = service;
    const [kind, record] =
        type === "create"
            ? (["recipe", store.recipes.get(id)] as const)
            : (["image", store.images.get(id)] as const);
    if (!record) {
        throw new Problem(
            400,
            `Invalid artifact_id value in job request. No IMS ${kind} record found matching id=${id}. ${DETERMINE}`,
        );
    }
    if ("metadata" in record) {
        await rootfsForJob(record, objects);
        return record;
    }
    const link = shown(record.link);
    if (!link) {
        throw new Problem(
            400,
            `The IMS recipe does not have an artifact_link for recipe_id=${id}. ${PLEASE_DETERMINE}`,
        );
    }
    await existing(link, objects);
    return record;
}

function publicKeyOf({ public_key_id: id }: JobInput, { store }: ImsService): PublicKey {
    const key = store.publicKeys.get(id);
    if (key) return key;
    throw new Problem(
        400,
        `Invalid public_key_id value in job request. No IMS public-key record found matching id=${id}`,
    );
}

async function jobOf(fields: JobInput, base: Image | Recipe, service: ImsService): Promise<Job> {
    const { store, settings } = service;
    const { job_type: type } = fields;
    const id = store.newId();
    const isArm = base.arch === "aarch64";
    const usual = "require_dkms" in base ? base.require_dkms : settings.enableDkms;
    return {
        artifact_id: fields.artifact_id,
        public_key_id: fields.public_key_id,
        job_type: type,
        image_root_archive_name: fields.image_root_archive_name,
        enable_debug: fields.enable_debug,
        build_env_size: fields.build_env_size ?? settings.imageSize,
        kernel_file_name: nonEmpty(fields.kernel_file_name) ?? (isArm ? "Image" : "vmlinuz"),
        initrd_file_name: fields.initrd_file_name,
        kernel_parameters_file_name: fields.kernel_parameters_file_name,
        ssh_containers: await containersOf(fields, id, service),
        // Emulation needs the file systems that DKMS needs.
        require_dkms: isArm || (fields.require_dkms ?? usual),
        job_mem_size: fields.job_mem_size ?? settings.jobMemSize,
        id,
        created: store.now(),
        kubernetes_job: `cray-ims-${id}-${type}`,
        kubernetes_service: `cray-ims-${id}-service`,
        kubernetes_configmap: `cray-ims-${id}-configmap`,
        kubernetes_namespace: "ims",
        status: "creating",
        resultant_image_id: null,
        arch: base.arch,
        kubernetes_pvc: `cray-ims-${id}-job-claim`,
        remote_build_node: "",
        // The cluster has no signing key.
        kubernetes_secret: null,
    };
}

function nonEmpty(value: string | undefined): string | undefined {
    return value === "" ? undefined : value;
}

async function containersOf(
    fields: JobInput,
    id: string,
    { connectionOf }: ImsService,
): Promise<SshContainer[] | null> {
    const running = { status: "pending", connection_info: await connectionOf(id) };
    if (fields.job_type === "create") {
        if (fields.enable_debug) return [{ name: "debug", jail: false, ...running }];
        return fields.ssh_containers ? [] : null;
    }
    const given = fields.ssh_containers ?? [];
    const containers = given.length > 0 ? given : [{ name: "customize", jail: false }];
    return containers.map((container) => ({ ...container, ...running }));
}

/** Not in one piece: what was made before an error stays, and no record tells of it. */
function makeObjects(job: Job, key: PublicKey, { kubernetes }: ImsService): void {
    const make = (kind: KubernetesKind, name: string, title: string): void => {
        try {
            kubernetes.create(kind, name);
        } catch (error) {
            if (!(error instanceof KubernetesError)) throw error;
            throw new Problem(
                500,
                `An error was encountered creating the kubernetes ${title} resources for your IMS job. Review the errors, take any corrective action and then re-run the request with valid information.`,
            );
        }
    };
    pasteKey(key.public_key);
    make("configmaps", job.kubernetes_configmap, "configmap");
    make("services", job.kubernetes_service, "service");
    pasteJob(job);
    make("jobs", job.kubernetes_job, "job");
    make("persistentvolumeclaims", job.kubernetes_pvc, "pvc");
    make("destinationrules", job.kubernetes_service, "DestinationRule");
}

export function list({ service }: Call): Outcome {
    return ok(service.store.jobs.list());
}

export function get({ service, id }: Call): Outcome {
    return ok(found(service.store.jobs.get(id)));
}

/** Meant for the job's own pod. There are no rules of what may follow on what. */
export function patch(call: Call): Outcome {
    const { service, id } = call;
    const job = found(service.store.jobs.get(id));
    const fields = readFields(PATCH, input(call)) as Partial<Pick<Job, "status" | "resultant_image_id">>;
    if (fields.status === "success" || fields.status === "error") {
        const errors = removeObjects(entrance(job), service);
        if (errors.length > 0) {
            throw new Problem(
                500,
                `Errors were encountered cleaning up kubernetes service IP for IMS job_id=${id}. Review the errors, take any corrective action and then re-run the request with valid information.`,
                { errors },
            );
        }
    }
    return ok(service.store.jobs.put({ ...job, ...fields }));
}

export function remove({ service, id }: Call): Outcome {
    const errors = removeJob(found(service.store.jobs.get(id)), service);
    if (errors.length === 0) return NO_CONTENT;
    throw new Problem(
        500,
        `Errors were encountered deleting the kubernetes resources for IMS job_id=${id}. Review the errors, take any corrective action and then re-run the request with valid information.`,
        { errors },
    );
}

export function removeAll({ service, query }: Call): Outcome {
    const statuses = query.getAll("status").map((status) => status.toLowerCase());
    const types = query.getAll("job_type");
    refuseUnknown("status", statuses, STATUSES);
    refuseUnknown("job_type", types, TYPES);
    const age = ageOf(query.get("age"));
    const now = new Date(`${service.store.now()}Z`).getTime();
    const errors = service.store.jobs
        .list()
        .filter((job) => statuses.length === 0 || statuses.includes(job.status))
        .filter((job) => types.length === 0 || types.includes(job.job_type))
        .filter((job) => now - new Date(`${job.created}Z`).getTime() >= age)
        .flatMap((job) => removeJob(job, service));
    if (errors.length === 0) return NO_CONTENT;
    throw new Problem(
        500,
        "Errors were encountered deleting the kubernetes resources for one or more IMS jobs. Review the errors, take any corrective action and then re-run the request with valid information.",
        { errors },
    );
}

function refuseUnknown(name: string, given: readonly string[], allowed: readonly string[]): void {
    const unknown = given.find((value) => !allowed.includes(value));
    if (unknown !== undefined)
        throw badQuery(`Unsupported ${name} ${unknown} in query parameters. ${DETERMINE}`);
}

/** The one error whose text is in the title. */
function badQuery(title: string): Problem {
    return new Problem(400, undefined, { title });
}

const UNITS = { w: 7 * 86_400, d: 86_400, h: 3_600, m: 60 } as const;
/** More days than Python's `timedelta` holds. */
const LONGEST_AGE_SECONDS = 999_999_999 * 86_400;

/** `1d6h` in milliseconds. What is not understood in it counts nothing, so that `zzz` matches every job. */
function ageOf(text: string | null): number {
    let seconds = 0;
    for (const [, count, unit] of (text ?? "").matchAll(/(\d+)\s*([wdhm])/gi)) {
        seconds += Number(count) * UNITS[(unit ?? "").toLowerCase() as keyof typeof UNITS];
    }
    if (seconds > LONGEST_AGE_SECONDS) {
        throw badQuery(`Unsupported age ${text ?? ""} in query parameters. ${DETERMINE}`);
    }
    return seconds * 1000;
}

type ObjectName = readonly [kind: KubernetesKind, name: string];

/** What lets the user in; it goes when the job has ended. */
function entrance(job: Job): ObjectName[] {
    return [
        ["services", job.kubernetes_service],
        ["persistentvolumeclaims", job.kubernetes_pvc],
        ["destinationrules", job.kubernetes_service],
    ];
}

function removeJob(job: Job, service: ImsService): string[] {
    const objects: ObjectName[] = [
        ...entrance(job),
        ["jobs", job.kubernetes_job],
        ["configmaps", job.kubernetes_configmap],
    ];
    const errors = removeObjects(objects, service);
    if (errors.length > 0) return errors;
    service.store.jobs.remove(job.id);
    service.onJob?.(job, "deleted");
    return [];
}

/** The errors that matter: one that is not there any more is no error. */
function removeObjects(objects: readonly ObjectName[], { kubernetes }: ImsService): string[] {
    return objects.flatMap(([kind, name]) => {
        try {
            kubernetes.remove(kind, name);
            return [];
        } catch (error) {
            if (!(error instanceof KubernetesError)) throw error;
            return error.status === 404 ? [] : [error.message];
        }
    });
}

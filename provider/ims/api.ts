/*
 * The records of the Image Management Service's API v3, as far as this package uses them. Unknown members and unknown
 * statuses are let through: the service's own description lags behind what it answers.
 */

export interface ImsLink {
    readonly path: string;
    readonly etag: string;
    readonly type: string;
}

export interface ImsImage {
    readonly id: string;
    readonly name: string;
    readonly created: string;
    /** Present in the list of deleted ones. */
    readonly deleted?: string;
    readonly arch: string;
    /** To the manifest; null for a record whose artifacts have not been uploaded. */
    readonly link: ImsLink | null;
    readonly metadata?: Readonly<Record<string, string>> | null;
}

export interface ImsPublicKey {
    readonly id: string;
    readonly name: string;
    readonly created: string;
    readonly public_key: string;
}

export interface ImsRecipe {
    readonly id: string;
    readonly name: string;
    readonly created: string;
    readonly recipe_type: string;
    readonly linux_distribution: string;
    readonly template_dictionary?: readonly { readonly key: string; readonly value: string }[] | null;
    readonly require_dkms?: boolean;
    readonly link: ImsLink | null;
    readonly arch: string;
}

export interface ImsJob {
    readonly id: string;
    readonly created: string;
    readonly job_type: string;
    readonly artifact_id: string;
    readonly public_key_id: string;
    readonly image_root_archive_name: string;
    readonly kernel_file_name?: string;
    readonly initrd_file_name?: string;
    readonly arch?: string;
    readonly status: string;
    readonly resultant_image_id: string | null;
    readonly ssh_containers?: readonly ImsSshContainer[] | null;
    readonly kubernetes_job?: string;
    readonly kubernetes_namespace?: string;
    readonly remote_build_node?: string;
}

export interface ImsSshContainer {
    /** Only stored and echoed: the token by which a job of ours is found again. */
    readonly name?: string;
    readonly jail?: boolean;
    readonly connection_info?: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

/** What creates a job. Members that are not given are left out: an older service refuses those it does not know. */
export interface ImsJobRequest {
    readonly job_type: "create" | "customize";
    readonly artifact_id: string;
    readonly public_key_id: string;
    readonly image_root_archive_name: string;
    readonly kernel_file_name?: string;
    readonly initrd_file_name?: string;
    readonly kernel_parameters_file_name?: string;
    readonly build_env_size?: number;
    readonly job_mem_size?: number;
    readonly require_dkms?: boolean;
    readonly ssh_containers?: readonly { readonly name: string; readonly jail: boolean }[];
}

/** What there is a collection of. */
export interface ImsRecords {
    images: ImsImage;
    "public-keys": ImsPublicKey;
    recipes: ImsRecipe;
    jobs: ImsJob;
}

export type ImsCollection = keyof ImsRecords;

/** Collections whose deletion is soft. */
export type ImsDeletable = Exclude<ImsCollection, "jobs">;

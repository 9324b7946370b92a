import * as crypto from "node:crypto";

export interface Link {
    path: string;
    type: string;
    /** Stored only when it was given, which an equality test of the service hangs on. */
    etag?: string;
}

interface ImsRecord {
    id: string;
    created: string;
    deleted?: string;
}

export interface PublicKey extends ImsRecord {
    name: string;
    public_key: string;
}

export interface Image extends ImsRecord {
    name: string;
    link: Link | null;
    arch: string;
    metadata: Record<string, string>;
}

export interface Recipe extends ImsRecord {
    name: string;
    link: Link | null;
    recipe_type: string;
    linux_distribution: string;
    template_dictionary: { key: string; value: string }[];
    require_dkms: boolean;
    arch: string;
}

export interface SshContainer {
    name?: string;
    jail: boolean;
    status: string;
    connection_info: Record<"customer_access" | "cluster.local", { host: string; port: number }>;
}

export interface Job extends ImsRecord {
    artifact_id: string;
    public_key_id: string;
    job_type: "create" | "customize";
    image_root_archive_name: string;
    enable_debug: boolean;
    build_env_size: number;
    job_mem_size: number;
    kernel_file_name: string;
    initrd_file_name: string;
    kernel_parameters_file_name: string;
    ssh_containers: SshContainer[] | null;
    require_dkms: boolean;
    kubernetes_job: string;
    kubernetes_service: string;
    kubernetes_configmap: string;
    kubernetes_namespace: string;
    kubernetes_pvc: string;
    kubernetes_secret: string | null;
    remote_build_node: string;
    status: string;
    resultant_image_id: string | null;
    arch: string;
}

/** Records of one kind and, where deletion is soft, the deleted ones; both in the order they came. */
export class Records<T extends ImsRecord> {
    readonly #present = new Map<string, T>();
    readonly #deleted = new Map<string, T>();

    constructor(private readonly changed: () => void) {}

    get(id: string): T | undefined {
        return this.#present.get(id);
    }

    getDeleted(id: string): T | undefined {
        return this.#deleted.get(id);
    }

    list(): T[] {
        return [...this.#present.values()];
    }

    listDeleted(): T[] {
        return [...this.#deleted.values()];
    }

    /** Adds a record, or puts a new version in its place. */
    put(record: T): T {
        this.#present.set(record.id, record);
        this.changed();
        return record;
    }

    remove(id: string): void {
        this.#present.delete(id);
        this.changed();
    }

    moveToDeleted(record: T): void {
        this.#present.delete(record.id);
        this.#deleted.set(record.id, record);
        this.changed();
    }

    /** Back among the present ones, at their end. */
    moveBack(record: T): void {
        this.#deleted.delete(record.id);
        this.put({ ...record, deleted: undefined });
    }

    forget(id: string): void {
        this.#deleted.delete(id);
        this.changed();
    }

    toJSON(): { present: T[]; deleted: T[] } {
        return { present: this.list(), deleted: this.listDeleted() };
    }

    restore({ present, deleted }: { present: readonly T[]; deleted: readonly T[] }): void {
        for (const record of present) this.#present.set(record.id, record);
        for (const record of deleted) this.#deleted.set(record.id, record);
    }
}

/** Everything the service remembers. */
export class ImsStore {
    readonly publicKeys: Records<PublicKey>;
    readonly images: Records<Image>;
    readonly recipes: Records<Recipe>;
    readonly jobs: Records<Job>;

    constructor(
        private readonly clock: () => Date,
        changed: () => void = () => undefined,
    ) {
        this.publicKeys = new Records(changed);
        this.images = new Records(changed);
        this.recipes = new Records(changed);
        this.jobs = new Records(changed);
    }

    newId(): string {
        return crypto.randomUUID();
    }

    /** As Python prints a time without a zone: `2026-11-20T10:44:09.641711`. */
    now(): string {
        return this.clock().toISOString().replace("Z", "000");
    }
}

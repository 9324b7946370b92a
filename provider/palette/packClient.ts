import type { PackVersions, RegistryRecord } from "./profileApi";
import { Remembered } from "./remembered";
import type { CallOptions, PaletteTransport, Scope } from "./transport";

/** Where a registry of a kind tells whether Palette knows what is in it. */
const SYNC_PATHS: Readonly<Record<string, (uid: string) => string>> = {
    pack: (uid) => `/v1/registries/pack/${uid}/sync/status`,
    helm: (uid) => `/v1/registries/helm/${uid}/sync/status`,
    oci: (uid) => `/v1/registries/oci/${uid}/basic/sync/status`,
};

/** Registries and what is in them. Published packs do not change, so each is asked for once a run. */
export class PackClient {
    private readonly lists = new Remembered<RegistryRecord[]>();
    private readonly packs = new Remembered<PackVersions | undefined>();
    private readonly syncs = new Remembered<boolean>();

    constructor(private readonly transport: PaletteTransport) {}

    registries(scope: Scope, { signal }: CallOptions = {}): Promise<RegistryRecord[]> {
        const call = { method: "GET", path: "/v1/registries/metadata", scope } as const;
        const ask = async (): Promise<RegistryRecord[]> =>
            this.transport.items(call, await this.transport.successful(call)) as RegistryRecord[];
        return this.lists.get(keyOf(scope), ask, signal);
    }

    /** Undefined when the registry has no such pack, or nobody knows what it has. */
    versions(
        name: string,
        registryUid: string,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<PackVersions | undefined> {
        const segments = [name, registryUid].map(encodeURIComponent);
        const path = `/v1/packs/${segments[0] ?? ""}/registries/${segments[1] ?? ""}`;
        const ask = async (): Promise<PackVersions | undefined> => {
            const found = await this.transport.find({ method: "GET", path, scope });
            return found && { tags: listIn(found.tags), packValues: listIn(found.packValues) };
        };
        return this.packs.get(path + keyOf(scope), ask, signal);
    }

    /** Whether Palette knows what is in the registry: where it does not, it takes any pack of it without a uid. */
    isSynchronised(
        { uid, kind = "" }: RegistryRecord,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<boolean> {
        const path = SYNC_PATHS[kind]?.(encodeURIComponent(uid));
        if (path === undefined) return Promise.resolve(true);
        const ask = async (): Promise<boolean> => {
            const status = await this.transport.find({ method: "GET", path, scope });
            return status?.isSyncSupported !== false;
        };
        return this.syncs.get(path + keyOf(scope), ask, signal);
    }
}

function keyOf(scope: Scope): string {
    return scope === "tenant" ? "" : ` ${scope.projectUid}`;
}

/** The Go server writes an empty list as null. */
function listIn<T>(value: unknown): T[] {
    return Array.isArray(value) ? (value as T[]) : [];
}

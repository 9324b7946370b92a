import { abortable } from "../http/abortable";
import { SharedList } from "../http/sharedList";
import type { Metadata } from "./api";
import type {
    CloudConfigRecord,
    ClusterConfig,
    ClusterRecord,
    ClusterRequest,
    ClusterSummary,
    ClusterVariables,
    PoolRequest,
    ProfileUse,
} from "./clusterApi";
import type { CallOptions, PaletteCall, PaletteTransport, Scope } from "./transport";

type Project = Exclude<Scope, "tenant">;
type CloudConfigPools = NonNullable<NonNullable<CloudConfigRecord["spec"]>["machinePoolConfig"]>;

/** How old the list of clusters may be unless somebody needs to know better. */
const SHARED_AGE = 5 * 60_000;

/** Edge clusters, with their machine pools and profiles. */
export class ClusterClient {
    private readonly lists = new Map<string, SharedList<ClusterSummary>>();

    constructor(
        private readonly transport: PaletteTransport,
        private readonly now: () => number,
    ) {}

    /** All clusters of a project by uid, also the deleted ones, from a search that all resources of a run share. */
    async listed(
        { projectUid }: Project,
        { signal, maxAge = SHARED_AGE }: CallOptions & { readonly maxAge?: number } = {},
    ): Promise<ReadonlyMap<string, ClusterSummary>> {
        return abortable(this.list(projectUid).get(maxAge), signal);
    }

    /** Also one that is deleted: Palette shows those for days, in the state `Deleted`. */
    async get(uid: string, scope: Project, { signal }: CallOptions = {}): Promise<ClusterRecord | undefined> {
        const found = await this.transport.find({ method: "GET", path: clusterPath(uid), scope, signal });
        return found as ClusterRecord | undefined;
    }

    /** When the answer gets lost, `same` recognises what was made. */
    async create(
        body: ClusterRequest,
        scope: Project,
        { signal, same }: CallOptions & { same: (cluster: ClusterSummary) => boolean },
    ): Promise<string> {
        const path = "/v1/spectroclusters/edge-native";
        return this.transport.created({ method: "POST", path, scope, signal, body }, async () => {
            const listed = await this.listed(scope, { signal, maxAge: 0 });
            return [...listed.values()].find(same)?.metadata.uid;
        });
    }

    /** Replaces name, description and all labels. */
    async describe(
        uid: string,
        metadata: Metadata,
        scope: Project,
        options: CallOptions = {},
    ): Promise<void> {
        await this.write("PATCH", `${clusterPath(uid)}/metadata`, { metadata }, scope, options);
    }

    /** Profiles that come, and those whose place others take, all in one; the agents apply it at once. */
    async patchProfiles(
        uid: string,
        profiles: readonly ProfileUse[],
        scope: Project,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${clusterPath(uid)}/profiles`;
        const body = { profiles, spcApplySettings: { actionType: "DownloadAndInstall" } };
        const query = { resolveNotification: "true" };
        const gone = profiles.flatMap(({ replaceWithProfile }) => replaceWithProfile ?? []);
        await this.transport.once({ method: "PATCH", path, scope, signal, body, query }, async () => {
            const present = await this.profilesOf(uid, scope, { signal });
            return profiles.every((use) => present.has(use.uid)) && !gone.some((other) => present.has(other));
        });
    }

    async removeProfiles(
        uid: string,
        profileUids: readonly string[],
        scope: Project,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${clusterPath(uid)}/profiles`;
        const call = { method: "DELETE", path, scope, signal, body: { profileUids } } as const;
        await this.transport.once(call, async () => {
            const present = await this.profilesOf(uid, scope, { signal });
            return !profileUids.some((profileUid) => present.has(profileUid));
        });
    }

    async variables(uid: string, scope: Project, { signal }: CallOptions = {}): Promise<ClusterVariables[]> {
        const path = `${clusterPath(uid)}/variables`;
        const found = await this.transport.successful({ method: "GET", path, scope, signal });
        return Array.isArray(found) ? (found as ClusterVariables[]) : [];
    }

    async setVariables(
        uid: string,
        values: readonly Required<Pick<ProfileUse, "uid" | "variables">>[],
        scope: Project,
        options: CallOptions = {},
    ): Promise<void> {
        const body = values.map(({ uid: profileUid, variables }) => ({ profileUid, variables }));
        await this.write("PATCH", `${clusterPath(uid)}/variables`, body, scope, options);
    }

    async approveRepave(uid: string, scope: Project, { signal }: CallOptions = {}): Promise<void> {
        const path = `${clusterPath(uid)}/repave/approve`;
        await this.transport.once({ method: "PATCH", path, scope, signal }, async () => {
            const { status } = (await this.get(uid, scope, { signal })) ?? {};
            return status?.repave?.state !== "Pending";
        });
    }

    async config(
        configUid: string,
        scope: Project,
        { signal }: CallOptions = {},
    ): Promise<CloudConfigRecord | undefined> {
        const found = await this.transport.find({
            method: "GET",
            path: configPath(configUid),
            scope,
            signal,
        });
        return found;
    }

    /** The pools with their hosts; undefined where Palette does not tell. */
    async pools(
        { spec }: ClusterRecord,
        scope: Project,
        options: CallOptions = {},
    ): Promise<CloudConfigPools | undefined> {
        const configUid = spec?.cloudConfigRef?.uid;
        if (configUid === undefined) return undefined;
        return (await this.config(configUid, scope, options))?.spec?.machinePoolConfig ?? undefined;
    }

    async setConfig(
        configUid: string,
        clusterConfig: ClusterConfig,
        scope: Project,
        options: CallOptions = {},
    ): Promise<void> {
        await this.write("PUT", `${configPath(configUid)}/clusterConfig`, { clusterConfig }, scope, options);
    }

    /** A pool whose answer got lost is there under its name, and is not made twice. */
    async addPool(
        configUid: string,
        body: PoolRequest,
        scope: Project,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${configPath(configUid)}/machinePools`;
        const { name } = body.poolConfig;
        await this.transport.once({ method: "POST", path, scope, signal, body }, async () => {
            const found = await this.config(configUid, scope, { signal });
            return found?.spec?.machinePoolConfig?.some((pool) => pool.name === name) === true;
        });
    }

    async setPool(
        configUid: string,
        body: PoolRequest,
        scope: Project,
        options: CallOptions = {},
    ): Promise<void> {
        await this.write("PUT", poolPath(configUid, body.poolConfig.name), body, scope, options);
    }

    /** Not there is done. */
    async removePool(
        configUid: string,
        name: string,
        scope: Project,
        { signal }: CallOptions = {},
    ): Promise<void> {
        await this.transport.removed({ method: "DELETE", path: poolPath(configUid, name), scope, signal });
    }

    /** Begins a deletion, or ends one that has taken too long; not there is done. */
    async remove(
        uid: string,
        scope: Project,
        { signal, force = false }: CallOptions & { readonly force?: boolean } = {},
    ): Promise<void> {
        const query: Record<string, string> = force ? { forceDelete: "true" } : {};
        await this.transport.removed({ method: "DELETE", path: clusterPath(uid), scope, signal, query });
    }

    private async write(
        method: PaletteCall["method"],
        path: string,
        body: unknown,
        scope: Project,
        { signal }: CallOptions,
    ): Promise<void> {
        await this.transport.successful({ method, path, scope, signal, body });
    }

    private async profilesOf(
        uid: string,
        scope: Project,
        options: CallOptions,
    ): Promise<ReadonlySet<string | undefined>> {
        const { spec } = (await this.get(uid, scope, options)) ?? {};
        return new Set((spec?.clusterProfileTemplates ?? []).map((template) => template.uid));
    }

    private list(projectUid: string): SharedList<ClusterSummary> {
        const known = this.lists.get(projectUid);
        if (known) return known;
        const body = { filter: { conjunction: "and", filterGroups: [] }, sort: [] };
        const path = "/v1/dashboard/spectroclusters/search";
        const list = new SharedList<ClusterSummary>(
            this.now,
            ({ metadata }) => metadata.uid ?? "",
            async () => {
                const call = { method: "POST", path, scope: { projectUid }, body, idempotent: true } as const;
                const items = await this.transport.pages(call);
                return items as ClusterSummary[];
            },
        );
        this.lists.set(projectUid, list);
        return list;
    }
}

function clusterPath(uid: string): string {
    return `/v1/spectroclusters/${encodeURIComponent(uid)}`;
}

function configPath(configUid: string): string {
    return `/v1/cloudconfigs/edge-native/${encodeURIComponent(configUid)}`;
}

function poolPath(configUid: string, name: string): string {
    return `${configPath(configUid)}/machinePools/${encodeURIComponent(name)}`;
}

import { abortable } from "../http/abortable";
import { SharedList } from "../http/sharedList";
import type { Metadata } from "./api";
import type {
    PackManifests,
    ProfileRecord,
    ProfileRequest,
    ProfileSummary,
    VariableRecord,
} from "./profileApi";
import type { CallOptions, PaletteTransport, Scope } from "./transport";

/** How old the list of profiles may be unless somebody needs to know better. */
const SHARED_AGE = 5 * 60_000;

/** Cluster profiles. Each version of one is an object of its own; nothing but the name holds them together. */
export class ProfileClient {
    private readonly lists = new Map<string, SharedList<ProfileSummary>>();

    constructor(
        private readonly transport: PaletteTransport,
        private readonly now: () => number,
    ) {}

    /** All versions by uid, also the tenant's that a project sees, from a list that all resources of a run share. */
    async listed(
        scope: Scope,
        { signal, maxAge = SHARED_AGE }: CallOptions & { readonly maxAge?: number } = {},
    ): Promise<ReadonlyMap<string, ProfileSummary>> {
        return abortable(this.list(scope).get(maxAge), signal);
    }

    /** The uids of a version: there should be one, but nothing is known to keep it so. */
    async named(
        { name, version }: { readonly name: string; readonly version: string },
        scope: Scope,
        { signal, maxAge }: CallOptions & { readonly maxAge?: number } = {},
    ): Promise<string[]> {
        const listed = await this.listed(scope, { signal, ...(maxAge === undefined ? {} : { maxAge }) });
        return [...listed.values()]
            .filter(({ metadata, spec }) => metadata.name === name && spec?.version === version)
            .map(({ metadata }) => metadata.uid);
    }

    async get(uid: string, scope: Scope, { signal }: CallOptions = {}): Promise<ProfileRecord | undefined> {
        const found = await this.transport.find({ method: "GET", path: profilePath(uid), scope, signal });
        return found as ProfileRecord | undefined;
    }

    /** Makes and publishes a version. When the answer gets lost, `same` recognises what was made. */
    async create(
        body: ProfileRequest,
        scope: Scope,
        { signal, same }: CallOptions & { same: (profile: ProfileRecord) => boolean },
    ): Promise<string> {
        const query = { publish: "true" };
        const call = { method: "POST", path: "/v1/clusterprofiles", scope, signal, body, query } as const;
        const version = { name: body.metadata.name, version: body.spec.version };
        const uid = await this.transport.created(call, async () => {
            for (const found of await this.named(version, scope, { signal, maxAge: 0 })) {
                const record = await this.get(found, scope, { signal });
                if (record && same(record)) return found;
            }
            return undefined;
        });
        this.list(scope).put({
            metadata: { uid, name: version.name },
            spec: { version: version.version },
        });
        return uid;
    }

    /** Replaces all packs; what comes of it is a draft until it is published. */
    async update(
        uid: string,
        { metadata, spec: { version, template } }: ProfileRequest,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const { type, packs } = template;
        const body = { metadata, spec: { version, template: { type, packs } } };
        await this.transport.successful({ method: "PUT", path: profilePath(uid), scope, signal, body });
    }

    /** Replaces name, description and all labels. */
    async describe(
        uid: string,
        metadata: Metadata,
        version: string,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${profilePath(uid)}/metadata`;
        const body = { metadata, spec: { version } };
        await this.transport.successful({ method: "PATCH", path, scope, signal, body });
    }

    async publish(uid: string, scope: Scope, { signal }: CallOptions = {}): Promise<void> {
        const path = `${profilePath(uid)}/publish`;
        await this.transport.successful({ method: "PATCH", path, scope, signal });
    }

    /** Values of sensitive ones are masked. */
    async variables(uid: string, scope: Scope, { signal }: CallOptions = {}): Promise<VariableRecord[]> {
        const path = `${profilePath(uid)}/variables`;
        const found = await this.transport.find({ method: "GET", path, scope, signal });
        return Array.isArray(found?.variables) ? (found.variables as VariableRecord[]) : [];
    }

    async setVariables(
        uid: string,
        variables: readonly VariableRecord[],
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${profilePath(uid)}/variables`;
        await this.transport.successful({ method: "PUT", path, scope, signal, body: { variables } });
    }

    /** Packs with the contents of their manifests. */
    async manifests(uid: string, scope: Scope, { signal }: CallOptions = {}): Promise<PackManifests[]> {
        const path = `${profilePath(uid)}/packs/manifests`;
        const found = await this.transport.find({ method: "GET", path, scope, signal });
        const { packs } = (found?.spec ?? {}) as { packs?: PackManifests[] | null };
        return packs ?? [];
    }

    /** Not there is done. */
    async remove(uid: string, scope: Scope, { signal }: CallOptions = {}): Promise<void> {
        await this.transport.removed({ method: "DELETE", path: profilePath(uid), scope, signal });
        this.list(scope).drop(uid);
    }

    private list(scope: Scope): SharedList<ProfileSummary> {
        const key = scope === "tenant" ? "" : scope.projectUid;
        const known = this.lists.get(key);
        if (known) return known;
        const call = { method: "GET", path: "/v1/dashboard/clusterprofiles/metadata", scope };
        const list = new SharedList<ProfileSummary>(
            this.now,
            ({ metadata }) => metadata.uid,
            async () => {
                const request = { ...call, method: "GET" } as const;
                return this.transport.items(
                    request,
                    await this.transport.successful(request),
                ) as ProfileSummary[];
            },
        );
        this.lists.set(key, list);
        return list;
    }
}

function profilePath(uid: string): string {
    return `/v1/clusterprofiles/${encodeURIComponent(uid)}`;
}

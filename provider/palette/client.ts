import { abortable } from "../http/abortable";
import { SharedList } from "../http/sharedList";
import type { Host } from "../resource/context";
import { isRecord } from "../resource/unknown";
import { PaletteError } from "./answers";
import type {
    EdgeHostRecord,
    EdgeHostRegistration,
    EdgeHostSummary,
    RegistrationTokenRecord,
    RegistrationTokenRequest,
    TunnelConfig,
} from "./api";
import { ClusterClient } from "./clusterClient";
import { PackClient } from "./packClient";
import { ProfileClient } from "./profileClient";
import type { PaletteSettings } from "./settings";
import { PaletteTransport, type CallOptions, type Scope } from "./transport";

export type { CallOptions, Scope };

/** How old a list may be unless somebody needs to know better. */
const SHARED_AGE = 5 * 60_000;

export interface ListOptions extends CallOptions {
    /** How old the shared list may be, in milliseconds. 0 asks anew. Default: 5 minutes. */
    readonly maxAge?: number;
}

/** One tenant of Palette. All resources of a run share it, with its pace and what it knows of the tenant. */
export class PaletteClient extends PaletteTransport {
    readonly packs = new PackClient(this);
    readonly profiles = new ProfileClient(this, () => this.clock.now());
    readonly clusters = new ClusterClient(this, () => this.clock.now());
    /** By uid of the project. */
    private readonly hostLists = new Map<string, SharedList<EdgeHostSummary>>();

    constructor(
        settings: PaletteSettings,
        private readonly clock: Host,
    ) {
        super(settings, clock);
    }

    /** All hosts of a project by uid, from a search that all resources of a run share: fifty of them are one call. */
    async listedEdgeHosts(
        projectUid: string,
        { signal, maxAge = SHARED_AGE }: ListOptions = {},
    ): Promise<ReadonlyMap<string, EdgeHostSummary>> {
        return abortable(this.hostList(projectUid).get(maxAge), signal);
    }

    /** From the shared list; a host that it does not have is asked for, since pages can miss one. */
    async lookedUpEdgeHost(
        uid: string,
        projectUid: string,
        options: ListOptions = {},
    ): Promise<EdgeHostSummary | undefined> {
        const listed = await this.listedEdgeHosts(projectUid, options);
        return listed.get(uid) ?? this.edgeHost(uid, { projectUid }, options);
    }

    /** The host as it is now; undefined only when Palette itself says that there is none. */
    async edgeHost(
        uid: string,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<EdgeHostRecord | undefined> {
        const host = await this.find({ method: "GET", path: edgeHostPath(uid), scope, signal });
        return host && (withoutServiceToken(host) as unknown as EdgeHostRecord);
    }

    /**
     * Registers a host before its machine has booted. A host with this uid anywhere in the tenant is an error with
     * the code `AlreadyRegisteredEdgeHostDevice`. When the answer gets lost, `same` recognises what was made.
     */
    async registerEdgeHost(
        registration: EdgeHostRegistration,
        scope: Scope,
        { signal, same }: CallOptions & { same: (host: EdgeHostRecord) => boolean },
    ): Promise<void> {
        const call = { method: "POST", path: "/v1/edgehosts", scope, signal, body: registration } as const;
        // Sent again, it is an error at worst: uids are unique.
        await this.once(call, async () => {
            const found = await this.edgeHost(registration.metadata.uid, scope, { signal });
            return found !== undefined && same(found);
        });
    }

    /** Replaces name and all labels. The name goes along: Palette takes a missing one for another. */
    async setEdgeHostMeta(
        uid: string,
        metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const body = { metadata: { ...metadata, uid } };
        await this.successful({ method: "PUT", path: `${edgeHostPath(uid)}/meta`, scope, signal, body });
    }

    async setTunnel(
        uid: string,
        body: TunnelConfig,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${edgeHostPath(uid)}/tunnelConfig`;
        await this.successful({ method: "PATCH", path, scope, signal, body });
    }

    async setPairingKey(
        uid: string,
        hostPairingKey: string,
        scope: Scope,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${edgeHostPath(uid)}/hostPairingKey`;
        await this.successful({ method: "PATCH", path, scope, signal, body: { hostPairingKey } });
    }

    /** Not there is done. */
    async removeEdgeHost(uid: string, scope: Scope, { signal }: CallOptions = {}): Promise<void> {
        await this.removed({ method: "DELETE", path: edgeHostPath(uid), scope, signal });
        if (scope !== "tenant") this.hostLists.get(scope.projectUid)?.drop(uid);
    }

    /** All hosts that the scope can see, page by page. */
    async edgeHosts(scope: Scope, { signal }: CallOptions = {}): Promise<EdgeHostSummary[]> {
        const filter = { conjunction: "and", filterGroups: [] };
        const body = { filter, sort: [] };
        const path = "/v1/dashboard/edgehosts/search";
        const items = await this.pages({ method: "POST", path, scope, signal, body, idempotent: true });
        return items as EdgeHostSummary[];
    }

    /** Returns the uid; the token itself is read afterwards. Names need not be unique, so nothing is made twice. */
    async createRegistrationToken(
        body: RegistrationTokenRequest,
        { signal, same }: CallOptions & { same: (token: RegistrationTokenRecord) => boolean },
    ): Promise<string> {
        const call = { method: "POST", path: "/v1/edgehosts/tokens", scope: "tenant", signal, body } as const;
        return this.created(call, async () => {
            return (await this.registrationTokens({ signal })).find(same)?.metadata.uid;
        });
    }

    async registrationToken(
        uid: string,
        { signal }: CallOptions = {},
    ): Promise<RegistrationTokenRecord | undefined> {
        const found = await this.find({ method: "GET", path: tokenPath(uid), scope: "tenant", signal });
        return found as RegistrationTokenRecord | undefined;
    }

    async registrationTokens({ signal }: CallOptions = {}): Promise<RegistrationTokenRecord[]> {
        const call = { method: "GET", path: "/v1/edgehosts/tokens", scope: "tenant", signal } as const;
        return this.items(call, await this.successful(call)) as RegistrationTokenRecord[];
    }

    async updateRegistrationToken(
        uid: string,
        body: RegistrationTokenRequest,
        { signal }: CallOptions = {},
    ): Promise<void> {
        await this.successful({ method: "PUT", path: tokenPath(uid), scope: "tenant", signal, body });
    }

    async setRegistrationTokenState(
        uid: string,
        isActive: boolean,
        { signal }: CallOptions = {},
    ): Promise<void> {
        const path = `${tokenPath(uid)}/state`;
        await this.successful({ method: "PUT", path, scope: "tenant", signal, body: { isActive } });
    }

    /** Not there is done. */
    async removeRegistrationToken(uid: string, { signal }: CallOptions = {}): Promise<void> {
        await this.removed({ method: "DELETE", path: tokenPath(uid), scope: "tenant", signal });
    }

    private hostList(projectUid: string): SharedList<EdgeHostSummary> {
        const known = this.hostLists.get(projectUid);
        if (known) return known;
        const list = new SharedList<EdgeHostSummary>(
            () => this.clock.now(),
            ({ metadata }) => metadata.uid ?? "",
            () => this.edgeHosts({ projectUid }),
        );
        this.hostLists.set(projectUid, list);
        return list;
    }
}

/** Whether a host with this uid is registered already, somewhere in the tenant. */
export function isAlreadyRegistered(error: unknown): error is PaletteError {
    return error instanceof PaletteError && error.code === "AlreadyRegisteredEdgeHostDevice";
}

function edgeHostPath(uid: string): string {
    return `/v1/edgehosts/${encodeURIComponent(uid)}`;
}

function tokenPath(uid: string): string {
    return `/v1/edgehosts/tokens/${encodeURIComponent(uid)}`;
}

/** The agent's own secret, which is nobody's business. */
function withoutServiceToken(host: Record<string, unknown>): Record<string, unknown> {
    if (!isRecord(host.status)) return host;
    const status = { ...host.status };
    delete status.serviceAuthToken;
    return { ...host, status };
}

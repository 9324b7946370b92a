import type { ClusterProfile, EdgeCluster, ProfilePack, ProfileVariable } from "../store";
import { newRecord, shownMetadata, visible, type Call, type Metadata, type PaletteService } from "./call";
import { PaletteError } from "./errors";
import { packsOf, refuseUndefined, type PackInput } from "./profilePacks";

const KIND = "ClusterProfile";
/** What stands in the place of a sensitive value. */
export const MASK = "********";

interface Request {
    metadata?: Metadata;
    spec?: {
        version?: string;
        template?: { type?: ClusterProfile["type"]; cloudType?: string; packs?: PackInput[] };
        variables?: ProfileVariable[];
    };
}

export function create(call: Call): object {
    const { service, query, project } = call;
    const { store } = service;
    const { metadata = {}, spec = {} } = call.body as Request;
    const { version = "1.0.0", template = {}, variables = [] } = spec;
    const record = newRecord(store, metadata, project?.uid);
    refuseTaken(service, record, version);
    const packs = packsOf(service, template.packs, variables);
    const { uid } = store.profiles.put({
        ...record,
        ...{ version, variables, type: template.type ?? "cluster", cloudType: template.cloudType ?? "all" },
        ...(query.get("publish") === "true" ? { published: packs } : { draft: packs }),
    });
    return { uid };
}

export function get(call: Call): object {
    const { service } = call;
    const profile = readable(call);
    const { version, draft, published } = profile;
    const versions = sameName(service, profile).map((other) => ({ uid: other.uid, version: other.version }));
    return {
        metadata: shownProfile(profile),
        spec: {
            ...{ version, versions },
            ...(draft ? { draft: templateOf(profile, draft) } : {}),
            ...(published ? { published: templateOf(profile, published) } : {}),
        },
        status: {
            isPublished: published !== undefined && draft === undefined,
            inUseClusterUids: usersOf(service, profile).map(({ uid }) => uid),
            inUseClusters: usersOf(service, profile).map(({ uid, name }) => ({
                ...{ kind: "spectrocluster", uid, name },
            })),
        },
    };
}

/** Everything but the name's and version's, of the scope that is named; without one of this one. */
export function clone(call: Call): object {
    const { service } = call;
    const { store, behaviour } = service;
    const source = visible(call, KIND, store.profiles);
    const { metadata } = call.body as {
        metadata: { name: string; version?: string; target?: { scope?: string; projectUid?: string } };
    };
    const { name, version = source.version, target } = metadata;
    const projectUid = target?.scope === "tenant" ? undefined : (target?.projectUid ?? source.projectUid);
    const { labels, annotations } = source;
    const record = newRecord(store, { name, labels, annotations }, projectUid);
    refuseTaken(service, record, version);
    const type = behaviour.cloneType === "cluster" ? behaviour.cloneType : source.type;
    const { uid } = store.profiles.put({ ...source, ...record, version, type });
    return { uid };
}

/** The manifests of all packs, with their contents, which nothing else shows. */
export function packManifests(call: Call): object {
    const profile = readable(call);
    const packs = (profile.draft ?? profile.published ?? []).map(
        ({ name, type, layer, tag, registryUid, values, manifests }) => ({
            metadata: { name },
            spec: { name, type, layer, version: tag, registryUid, values, manifests },
        }),
    );
    return { metadata: shownProfile(profile), spec: { packs } };
}

/** Becomes a draft, also of what is published: another publication is needed. A version given renames this one. */
export function update(call: Call): void {
    const { service } = call;
    const profile = visible(call, KIND, service.store.profiles);
    const { metadata = {}, spec = {} } = call.body as Request;
    const { name = profile.name, labels = profile.labels, annotations = profile.annotations } = metadata;
    service.store.profiles.put({
        ...profile,
        ...{ name, labels, annotations: kept(annotations), version: spec.version ?? profile.version },
        type: spec.template?.type ?? profile.type,
        draft: packsOf(service, spec.template?.packs, profile.variables),
        changedAt: service.store.time(),
    });
}

export function updateMetadata(call: Call): void {
    const { store } = call.service;
    const profile = visible(call, KIND, store.profiles);
    const { metadata = {}, spec = {} } = call.body as Request;
    const { name = profile.name, labels = {}, annotations = {} } = metadata;
    const version = spec.version ?? profile.version;
    const described = { name, labels, annotations: kept(annotations) };
    store.profiles.put({ ...profile, ...described, version, changedAt: store.time() });
}

export function publish(call: Call): void {
    const { store } = call.service;
    const profile = { ...visible(call, KIND, store.profiles) };
    if (profile.draft) profile.published = profile.draft;
    delete profile.draft;
    store.profiles.put({ ...profile, changedAt: store.time() });
}

export function remove(call: Call): void {
    const { service } = call;
    const profile = visible(call, KIND, service.store.profiles);
    if (usersOf(service, profile).length > 0) {
        throw new PaletteError(400, "ClusterProfileInUse", `Cluster profile '${profile.name}' is in use`);
    }
    service.store.profiles.remove(profile.uid);
}

export function list({ service, project }: Call): object {
    const found = service.store.profiles.list().filter((profile) => isShared(profile, project));
    return {
        items: found.map(({ uid, name, version, cloudType }) => ({
            metadata: { uid, name },
            spec: { version, cloudType },
        })),
    };
}

/** What a call may read: a project's also the tenant's, which all projects share. */
function readable(call: Call): ClusterProfile {
    const { service, params, project } = call;
    const found = service.store.profiles.get(params.uid ?? "");
    return found && isShared(found, project) ? found : visible(call, KIND, service.store.profiles);
}

function isShared({ projectUid }: ClusterProfile, project: Call["project"]): boolean {
    return projectUid === undefined || projectUid === project?.uid;
}

/** Whose a profile is stands in an annotation, which no client sets. */
function shownProfile(profile: ClusterProfile): object {
    const scope = profile.projectUid === undefined ? "tenant" : "project";
    return shownMetadata({ ...profile, annotations: { ...profile.annotations, scope } });
}

function kept(annotations: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== "scope"));
}

/** Sensitive values come back masked. */
export function getVariables(call: Call): object {
    const { variables } = readable(call);
    return {
        variables: variables.map((variable) =>
            variable.isSensitive && variable.defaultValue !== undefined
                ? { ...variable, defaultValue: MASK }
                : variable,
        ),
    };
}

export function putVariables(call: Call): void {
    changeVariables(call, () => (call.body as { variables?: ProfileVariable[] }).variables ?? []);
}

export function patchVariables(call: Call): void {
    const { variables = [] } = call.body as { variables?: ProfileVariable[] };
    const given = new Map(variables.map((variable) => [variable.name, variable]));
    changeVariables(call, (former) => [...new Map([...named(former), ...given]).values()]);
}

export function removeVariables(call: Call): void {
    const { variables = [] } = call.body as { variables?: string[] };
    changeVariables(call, (former) => former.filter(({ name }) => !variables.includes(name)));
}

function named(variables: readonly ProfileVariable[]): [string, ProfileVariable][] {
    return variables.map((variable) => [variable.name, variable]);
}

function changeVariables(call: Call, change: (former: ProfileVariable[]) => ProfileVariable[]): void {
    const { store } = call.service;
    const profile = visible(call, KIND, store.profiles);
    const variables = change(profile.variables);
    refuseUndefined(profile.draft ?? profile.published ?? [], variables);
    store.profiles.put({ ...profile, variables, changedAt: store.time() });
}

function templateOf({ name, type, cloudType, version, uid }: ClusterProfile, packs: ProfilePack[]): object {
    return {
        ...{ uid, name, type, cloudType, profileVersion: version },
        packs: packs.map(({ manifests, ...pack }) => ({
            ...pack,
            version: pack.tag,
            manifests: manifests.map((manifest) => ({
                kind: "Manifest",
                name: manifest.name,
                uid: manifest.uid,
            })),
        })),
    };
}

/** Versions belong together by nothing but the name. */
function sameName(
    { store }: PaletteService,
    { name, projectUid }: { name: string; projectUid?: string },
): ClusterProfile[] {
    return store.profiles
        .list()
        .filter((profile) => profile.name === name && profile.projectUid === projectUid);
}

function refuseTaken(
    service: PaletteService,
    record: { name: string; projectUid?: string },
    version: string,
): void {
    if (service.behaviour.duplicateProfile === "accept") return;
    if (!sameName(service, record).some((profile) => profile.version === version)) return;
    throw new PaletteError(
        409,
        "ClusterProfileAlreadyExists",
        `Cluster profile '${record.name}' of version '${version}' already exists`,
    );
}

function usersOf({ store }: PaletteService, { uid }: ClusterProfile): EdgeCluster[] {
    return store.clusters
        .list()
        .filter(
            (cluster) => cluster.state !== "Deleted" && cluster.profiles.some((used) => used.uid === uid),
        );
}

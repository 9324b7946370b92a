import type { Collection, HostResource, Objects } from "./api";

interface List<T> {
    fetchedAt: number;
    objects: Map<string, T>;
}

interface Fetch<T> {
    answer: Promise<List<T>>;
    /** Own writes since it began: the pages may have been read before them. */
    since: Map<string, T | undefined>;
}

type Entry = Objects[Collection];

/** The lists that all resources of a run share, with the run's own writes patched in. */
export class SharedLists {
    private readonly lists = new Map<Collection, List<Entry>>();
    private readonly fetches = new Map<Collection, Fetch<Entry>>();

    constructor(
        private readonly now: () => number,
        private readonly fetchAll: <K extends Collection>(collection: K) => Promise<Objects[K][]>,
    ) {}

    async get<K extends Collection>(collection: K, maxAge: number): Promise<Map<string, Objects[K]>> {
        const list = this.lists.get(collection);
        if (list && this.now() - list.fetchedAt < maxAge) return list.objects as Map<string, Objects[K]>;
        const fetch = this.fetches.get(collection) ?? this.start(collection);
        return (await fetch.answer).objects as Map<string, Objects[K]>;
    }

    put<K extends Collection>(collection: K, object: Objects[K]): void {
        this.lists.get(collection)?.objects.set(object.resourceId, object);
        this.fetches.get(collection)?.since.set(object.resourceId, object);
    }

    drop(collection: Collection, id: string): void {
        this.lists.get(collection)?.objects.delete(id);
        this.fetches.get(collection)?.since.set(id, undefined);
    }

    /** What is known of an object without asking. */
    known<K extends Collection>(collection: K, id: string): Objects[K] | undefined {
        return this.lists.get(collection)?.objects.get(id) as Objects[K] | undefined;
    }

    private start(collection: Collection): Fetch<Entry> {
        const fetch: Fetch<Entry> = { since: new Map(), answer: Promise.resolve() as never };
        fetch.answer = this.fetchAll(collection)
            .then((found) => {
                const objects = new Map<string, Entry>(found.map((object) => [object.resourceId, object]));
                for (const [id, object] of fetch.since) {
                    if (object) objects.set(id, object);
                    else objects.delete(id);
                }
                const list = { fetchedAt: this.now(), objects };
                this.lists.set(collection, list);
                return list;
            })
            .finally(() => this.fetches.delete(collection));
        this.fetches.set(collection, fetch);
        return fetch;
    }
}

/** Only GET and LIST fill inherited metadata and a host's profile; the answer of a write must not blank them. */
export function filled<T extends Objects[Collection]>(known: T, written: T): T {
    const inherited = "inheritedMetadata" in known ? { inheritedMetadata: known.inheritedMetadata } : {};
    if (!("serialNumber" in written)) return { ...written, ...inherited };
    const before = (known as HostResource).instance;
    const instance =
        written.instance && before?.resourceId === written.instance.resourceId ? before : written.instance;
    return { ...written, ...inherited, instance };
}

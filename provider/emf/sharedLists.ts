import { SharedList } from "../http/sharedList";
import type { Collection, HostResource, Objects } from "./api";

type Entry = Objects[Collection];

/** The lists that all resources of a run share, with the run's own writes patched in. */
export class SharedLists {
    private readonly lists = new Map<Collection, SharedList<Entry>>();

    constructor(
        private readonly now: () => number,
        private readonly fetchAll: <K extends Collection>(collection: K) => Promise<Objects[K][]>,
    ) {}

    async get<K extends Collection>(collection: K, maxAge: number): Promise<Map<string, Objects[K]>> {
        return (await this.of(collection).get(maxAge)) as Map<string, Objects[K]>;
    }

    put<K extends Collection>(collection: K, object: Objects[K]): void {
        this.of(collection).put(object);
    }

    drop(collection: Collection, id: string): void {
        this.of(collection).drop(id);
    }

    /** What is known of an object without asking. */
    known<K extends Collection>(collection: K, id: string): Objects[K] | undefined {
        return this.of(collection).known(id) as Objects[K] | undefined;
    }

    private of(collection: Collection): SharedList<Entry> {
        const known = this.lists.get(collection);
        if (known) return known;
        const list = new SharedList<Entry>(
            this.now,
            ({ resourceId }) => resourceId,
            () => this.fetchAll(collection),
        );
        this.lists.set(collection, list);
        return list;
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

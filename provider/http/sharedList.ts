interface List<T> {
    fetchedAt: number;
    objects: Map<string, T>;
}

interface Fetch<T> {
    answer: Promise<List<T>>;
    /** Own writes since it began: the pages may have been read before them. */
    since: Map<string, T | undefined>;
}

/** One list that all resources of a run share, with the run's own writes patched in. */
export class SharedList<T> {
    private list: List<T> | undefined;
    private fetch: Fetch<T> | undefined;

    constructor(
        private readonly now: () => number,
        private readonly idOf: (object: T) => string,
        private readonly fetchAll: () => Promise<T[]>,
    ) {}

    /** By id; asked for anew when it is older than `maxAge` milliseconds. */
    async get(maxAge: number): Promise<Map<string, T>> {
        const { list } = this;
        if (list && this.now() - list.fetchedAt < maxAge) return list.objects;
        return (await (this.fetch ?? this.start()).answer).objects;
    }

    put(object: T): void {
        const id = this.idOf(object);
        this.list?.objects.set(id, object);
        this.fetch?.since.set(id, object);
    }

    drop(id: string): void {
        this.list?.objects.delete(id);
        this.fetch?.since.set(id, undefined);
    }

    /** What is known of an object without asking. */
    known(id: string): T | undefined {
        return this.list?.objects.get(id);
    }

    private start(): Fetch<T> {
        const fetch: Fetch<T> = { since: new Map(), answer: Promise.resolve() as never };
        fetch.answer = this.fetchAll()
            .then((found) => {
                const objects = new Map<string, T>(found.map((object) => [this.idOf(object), object]));
                for (const [id, object] of fetch.since) {
                    if (object) objects.set(id, object);
                    else objects.delete(id);
                }
                this.list = { fetchedAt: this.now(), objects };
                return this.list;
            })
            .finally(() => (this.fetch = undefined));
        this.fetch = fetch;
        return fetch;
    }
}

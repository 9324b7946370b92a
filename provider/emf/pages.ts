import type { HttpRequest } from "../http/client";
import { EdgeError } from "../resource/errors";
import type { Collection, Objects } from "./api";
import { COLLECTIONS } from "./collections";
import type { EmfTransport } from "./transport";

/** The server's own limits. */
const PAGE_SIZE = 100;
const LAST_OFFSET = 10_000;

interface Page {
    readonly objects: readonly unknown[];
    readonly total: number;
    readonly hasNext: boolean;
}

/** All objects of a kind, page by page. */
export async function listAll<K extends Collection>(
    collection: K,
    transport: EmfTransport,
): Promise<Objects[K][]> {
    const first = await readPage(collection, 0, transport);
    const offsets = [];
    for (let offset = PAGE_SIZE; offset < first.total; offset += PAGE_SIZE) offsets.push(offset);
    const others = await Promise.all(offsets.map((offset) => readPage(collection, offset, transport)));
    const pages = [first, ...others];
    // The total is of the first page's moment: more may have come since.
    for (let last = pages.at(-1); last?.hasNext; last = pages.at(-1)) {
        pages.push(await readPage(collection, pages.length * PAGE_SIZE, transport));
    }
    return pages.flatMap((page) => page.objects as Objects[K][]);
}

async function readPage(collection: Collection, offset: number, transport: EmfTransport): Promise<Page> {
    const { path, listKey, title } = COLLECTIONS[collection];
    if (offset > LAST_OFFSET) {
        throw new EdgeError(
            `EMF lists at most ${LAST_OFFSET + PAGE_SIZE} objects, and there are more ${title}s`,
        );
    }
    const call: HttpRequest = {
        method: "GET",
        path: transport.collectionPath(path),
        // By age, so that what is created meanwhile comes at the end: the default order is random.
        query: { pageSize: PAGE_SIZE, offset, orderBy: "createdAt, resourceId" },
    };
    const answer = transport.successful(call, await transport.send(call));
    const objects = answer[listKey];
    if (!Array.isArray(objects)) throw transport.unexpected(call);
    const total = typeof answer.totalElements === "number" ? answer.totalElements : objects.length;
    return { objects, total, hasNext: answer.hasNext === true && objects.length > 0 };
}

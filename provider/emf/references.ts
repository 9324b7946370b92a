import { EdgeError } from "../resource/errors";
import { closest } from "../resource/problem";
import type { Collection, Objects } from "./api";
import type { EmfClient } from "./client";
import { COLLECTIONS } from "./collections";

/** The Pulumi id of an OsProfile, `<project uid>/<name>`: known in every preview but that of its creation. */
const PULUMI_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/(.+)$/;

/** Whether the text is an id and needs no look-up. */
export function isId(collection: Collection, text: string): boolean {
    return COLLECTIONS[collection].id.test(text);
}

/**
 * The object a program means by an id or an exact name. What is not there, and a name that several have, throws
 * an error for the user.
 */
export async function resolve<K extends Collection>(
    client: EmfClient,
    collection: K,
    text: string,
    signal: AbortSignal,
): Promise<Objects[K]> {
    const { title, nameField } = COLLECTIONS[collection];
    const where = `in EMF project ${JSON.stringify(client.settings.project)}`;
    if (isId(collection, text)) {
        const found = await client.look(collection, text, { signal });
        if (!found) throw new EdgeError(`there is no ${title} ${text} ${where}`);
        return found;
    }
    const name = PULUMI_ID.exec(text)?.[1] ?? text;
    const found = await client.findByName(collection, name, { signal });
    const [only] = found;
    if (only && found.length === 1) return only;
    if (only) {
        const ids = found.map((object) => describe(object)).join(", ");
        throw new EdgeError(
            `${found.length} ${title}s ${where} are named ${JSON.stringify(name)}: ${ids}; give the id`,
        );
    }
    const names = (await client.list(collection, { signal })).map(
        (object) => (object as unknown as Record<string, string>)[nameField] ?? "",
    );
    const meant = closest(name, names);
    throw new EdgeError(
        `there is no ${title} named ${JSON.stringify(name)} ${where}` +
            (meant ? `; did you mean ${JSON.stringify(meant)}?` : `: names are compared exactly`),
    );
}

function describe(object: Objects[Collection]): string {
    const region = "region" in object ? object.region : null;
    return region?.resourceId
        ? `${object.resourceId} (region ${region.name || region.resourceId})`
        : object.resourceId;
}

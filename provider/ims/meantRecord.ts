import type { Context } from "../resource/context";
import type { Problem } from "../resource/problem";
import type { ImsRecords } from "./api";
import type { ImsClient } from "./client";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** How a record is named: by id, or by its exact name, which several may have. */
export type Meant = string | { name: string; pick?: "only" | "newest" | undefined };

/** Whether the last run has meant the same: another record that is not there is a mistake, and not one that has gone. */
export function isSameMeant(last: Meant | undefined, meant: Meant): boolean {
    return JSON.stringify(last) === JSON.stringify(meant);
}

/** What a record is looked for as. */
export interface Role<K extends "images" | "recipes"> {
    readonly collection: K;
    /** `image`: as messages name it. */
    readonly noun: string;
    /** `be a base`: what it is for. */
    readonly use: string;
    /** The input that names it. */
    readonly input: string;
}

type Found<T> = { record: T } | { problem: Problem };

/** The record meant, with its content uploaded, or what is wrong with the way it is named. */
export async function findMeant<K extends "images" | "recipes">(
    meant: Meant,
    role: Role<K>,
    { client, signal }: Pick<Context<ImsClient>, "client" | "signal">,
): Promise<Found<ImsRecords[K]>> {
    const { collection, noun, use, input } = role;
    const problem = (message: string): { problem: Problem } => ({ problem: { path: [input], message } });
    const usable = (record: ImsRecords[K]): Found<ImsRecords[K]> =>
        record.link
            ? { record }
            : problem(
                  `${noun} ${record.name} (${record.id}) has no link: its artifacts were never uploaded, so it cannot ${use}`,
              );
    if (typeof meant === "string" && ID.test(meant)) {
        const record = await client.get(collection, meant, { signal });
        if (record) return usable(record);
        const deleted = await client.getDeleted(collection, meant, { signal });
        const hint = deleted
            ? `; it was deleted, and can be brought back: cray ims deleted ${collection} update --operation undelete ${meant}`
            : "";
        return problem(`there is no ${noun} ${meant}${hint}`);
    }
    const { name, pick = "only" } = typeof meant === "string" ? { name: meant } : meant;
    const found = (await client.findByName(collection, name, { signal })).filter(({ link }) => link !== null);
    const [first, ...others] = found.sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
    if (!first) return problem(`there is no ${noun} named ${JSON.stringify(name)} that can ${use}`);
    if (others.length === 0 || pick === "newest") return usable(first);
    const list = found.map(({ id, created }) => `${id} of ${created}`).join(", ");
    return problem(
        `${found.length} ${noun}s are named ${JSON.stringify(name)} (${list}): give an id, or pick: "newest"`,
    );
}

import { placeOf, type ObjectPlace, type ObjectStore } from "../objects";
import type { Link } from "../store";
import { nested, notBlank, oneOf, required, text } from "./fields";
import { PLEASE_DETERMINE, Problem, unhandled } from "./problem";

/** The field `link` of images and recipes. */
export const LINK = nested({
    // The text names another field in the service, too.
    path: required({ ...notBlank("name") }),
    etag: text(),
    type: required(oneOf(["s3"], "Type must be one of: s3.")),
});

/** A link as answers show it: with an etag, given or not. */
export function shown(link: Link): Link;
export function shown(link: Link | null): Link | null;
export function shown(link: Link | null): Link | null {
    return link && { path: link.path, etag: link.etag ?? "", type: link.type };
}

/** The object behind a link; refuses a link whose object is not there. */
export async function existing(link: Link, objects: ObjectStore): Promise<ObjectPlace> {
    if (link.type !== "s3") throw unhandled();
    const place = placeOf(link.path);
    if (place && (await objects.head(place))) return place;
    throw new Problem(422, `The s3 artifact ${python({ ...link })} cannot be validated. ${PLEASE_DETERMINE}`);
}

/** A value as Python prints it: the service's messages quote links so. */
export function python(value: unknown): string {
    if (value === null || value === undefined) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "string")
        return value.includes("'") && !value.includes('"') ? `"${value}"` : `'${value}'`;
    if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
    if (typeof value === "object") {
        return `{${Object.entries(value)
            .map(([key, item]) => `${python(key)}: ${python(item)}`)
            .join(", ")}}`;
    }
    return JSON.stringify(value);
}

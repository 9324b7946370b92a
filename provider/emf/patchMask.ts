import type { Collection } from "./api";
import { COLLECTIONS } from "./collections";

/**
 * Stops a PATCH that EMF would answer with 200 and not do as meant: it drops keys it does not know, with none left it
 * writes defaults (which revives an instance), and beside another field it drops a certificate.
 */
export function assertWritable(collection: Collection, body: object): void {
    const { patchable, title } = COLLECTIONS[collection];
    const required = collection === "os" ? ["sha256"] : [];
    const given = Object.entries(body).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    const foreign = given.filter((name) => !patchable.includes(name) && !required.includes(name));
    const written = given.filter((name) => patchable.includes(name));
    if (foreign.length > 0) throw new Error(`EMF does not write ${foreign.join(", ")} of a ${title}`);
    if (written.length === 0) throw new Error(`an empty PATCH of a ${title} would write defaults`);
    if (written.length > 1 && written.includes("tlsCaCert")) {
        throw new Error("EMF drops a certificate that is sent with other fields");
    }
}

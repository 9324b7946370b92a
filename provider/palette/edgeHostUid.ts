import { EdgeError } from "../resource/errors";

const LONGEST = 128;
/** Palette's list of forbidden characters. */
const FORBIDDEN = "/?#&+%,$~!@*(){}|=;:<>'.^\"";
/** Paths of the API that a host of this name would hide behind. */
const TAKEN: ReadonlySet<string> = new Set(["metadata", "register", "tags", "tokens"]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const PREFIX = /^[A-Za-z0-9-]+$/;

/** What `edgeHostUid` makes a uid from. */
export interface ProductUuid {
    /** The machine's UUID: `/sys/class/dmi/id/product_uuid`, or what a hypervisor or BMC shows for it. */
    readonly productUuid: string;
    /**
     * The UUID is spelled with its first three fields in the other byte order, as vCenter and some BMCs show what
     * Linux reads. Default false.
     */
    readonly byteSwapped?: boolean;
    /** `stylus.site.prefix` of the user-data. Default `edge`. */
    readonly prefix?: string;
}

/** The uid that the Palette agent gives a machine with this UUID, where its user-data names none. */
export function edgeHostUid({ productUuid, byteSwapped = false, prefix = "edge" }: ProductUuid): string {
    if (!UUID.test(productUuid)) {
        throw new EdgeError(
            `productUuid ${JSON.stringify(productUuid)} is no UUID, such as 42384abc-718b-0e30-9a17-5f3f2f4a1b2c: ` +
                "read it with cat /sys/class/dmi/id/product_uuid",
        );
    }
    if (!PREFIX.test(prefix)) {
        throw new EdgeError(`prefix ${JSON.stringify(prefix)} may only hold letters, digits and dashes`);
    }
    const fields = productUuid.toLowerCase().split("-");
    const ordered = byteSwapped ? fields.map((field, i) => (i < 3 ? swapped(field) : field)) : fields;
    return `${prefix}-${ordered.join("")}`;
}

/** What is wrong with a uid of an edge host, in words; undefined when it is right. */
export function edgeHostUidFault(uid: string): string | undefined {
    if (uid === "") return "must not be empty";
    if (TAKEN.has(uid)) return "is a word of Palette's API, at whose address no host can be reached";
    if (uid.length > LONGEST) {
        return `has ${uid.length} characters, at most ${LONGEST} are allowed: the agent would cut the rest off`;
    }
    const found = [...new Set(uid)].filter((char) => FORBIDDEN.includes(char) || /[\s\p{C}]/u.test(char));
    if (found.length === 0) return undefined;
    const shown = found.map((char) => JSON.stringify(char)).join(" ");
    return `must not hold ${shown}: neither blanks nor any of ${FORBIDDEN} are allowed`;
}

function swapped(field: string): string {
    return Buffer.from(field, "hex").reverse().toString("hex");
}

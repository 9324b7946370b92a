import type { ImageCheck } from "../../provider/image/check";
import type { Random } from "./random";

/** Something that reads bytes made by anybody. */
export interface FuzzTarget {
    name: string;
    /** Whatever cases are made from. */
    prepare?(): Promise<void>;
    /** A case: nearly right, so that its faults are met deep inside. */
    build(random: Random): Buffer;
    /** Reads it. `ImageDamage` and `ImageError` are answers; everything else thrown is a fault of the reader. */
    run(bytes: Buffer): Promise<void>;
}

/** What every verdict must be, whatever the image. */
export function assertChecks(checks: readonly ImageCheck[]): void {
    for (const { id, verdict, seen, message } of checks) {
        if (!/^[a-z0-9]+(\.[a-z0-9-]+)*$/.test(id)) throw new Error(`check id ${JSON.stringify(id)}`);
        if ((verdict === "passed") !== (message === "")) {
            throw new Error(`check ${id}: ${verdict} with message ${JSON.stringify(message)}`);
        }
        if (/[^\n\x20-\u{10ffff}]/u.test(seen + message))
            throw new Error(`check ${id} shows control characters`);
        if (seen.length + message.length > 2000) throw new Error(`check ${id} is ${message.length} long`);
    }
}

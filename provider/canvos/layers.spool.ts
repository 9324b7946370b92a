import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ImageError } from "../image/check";

/** Where in the spool a content is. */
export interface Spooled {
    offset: number;
    length: number;
}

/** More contents than these are not worth keeping of an image. */
const MOST = 4 * 2 ** 30;

/** Contents that are looked at once all layers are known: in a file without a name, so that nothing is left of it. */
export class Spool {
    private readonly handle: number;
    private size = 0;

    constructor(folder = os.tmpdir()) {
        const own = fs.mkdtempSync(path.join(folder, "edge-os-layers-"));
        const file = path.join(own, "contents");
        this.handle = fs.openSync(file, "wx+", 0o600);
        fs.rmSync(own, { recursive: true });
    }

    /** Where what is added next begins. */
    get end(): number {
        return this.size;
    }

    add(bytes: Buffer): void {
        if (this.size + bytes.length > MOST) {
            throw new ImageError("has more package lists and settings than 4 GiB, which are not read");
        }
        let written = 0;
        while (written < bytes.length) {
            written += fs.writeSync(this.handle, bytes, written, bytes.length - written, this.size + written);
        }
        this.size += bytes.length;
    }

    read({ offset, length }: Spooled, at: number, buffer: Buffer, start: number, wanted: number): number {
        const most = Math.max(0, Math.min(wanted, length - at));
        return most === 0 ? 0 : fs.readSync(this.handle, buffer, start, most, offset + at);
    }

    close(): void {
        fs.closeSync(this.handle);
    }
}

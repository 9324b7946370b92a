import * as fs from "node:fs";
import * as path from "node:path";

/** A guest can write without end. */
const MOST = 32 * 1024 * 1024;
const TAIL = 8 * 1024;

/** Records a serial line in a file, and remembers its end. */
export class SerialLog {
    private size = 0;
    /** The last characters, as they came. */
    tail = "";

    private constructor(
        readonly file: string,
        private readonly handle: number,
    ) {}

    static create(file: string): SerialLog {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        // A boot can show what a user-data file holds.
        return new SerialLog(file, fs.openSync(file, "w", 0o600));
    }

    add(bytes: Buffer): void {
        this.tail = (this.tail + bytes.toString("utf8")).slice(-TAIL);
        if (this.size >= MOST) return;
        fs.writeSync(this.handle, bytes);
        this.size += bytes.length;
        if (this.size >= MOST) fs.writeSync(this.handle, "\n(the rest is not recorded)\n");
    }

    close(): void {
        fs.closeSync(this.handle);
    }
}

import { ImageDamage, printable } from "../check";
import { MAX_PACKAGES } from "./dpkg";
import type { InstalledPackage } from "./packages";
import { neededOfRpmHeader, parseRpmHeader, type RpmHeader } from "./rpmHeader";
import { readColumnStarts } from "./sqliteTable";
import type { PlacedFile } from "./tree";

/** What is used of sql.js, which brings no types of its own. */
interface SqlJs {
    Database: new (bytes: Uint8Array) => SqlDatabase;
}

interface SqlDatabase {
    prepare(sql: string): SqlStatement;
    close(): void;
}

interface SqlStatement {
    step(): boolean;
    get(): unknown[];
    free(): boolean;
}

let library: Promise<SqlJs> | undefined;

/** The installed packages in rpm's SQLite database. */
export async function readRpmDatabase(database: Buffer): Promise<InstalledPackage[]> {
    if (database.toString("latin1", 0, 16) !== "SQLite format 3\0" || database.length < 100) {
        throw new ImageDamage("the rpm database is no SQLite database");
    }
    // rpm keeps the database in WAL mode, which SQLite refuses to open from memory; with the log empty (which the
    // caller has looked at) it reads the same as one with a rollback journal.
    database.writeUInt8(1, 18);
    database.writeUInt8(1, 19);
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded for images with rpm only: 1 MB of WASM
    library ??= (require("sql.js") as () => Promise<SqlJs>)();
    const { Database } = await library;
    let open: SqlDatabase | undefined;
    try {
        open = new Database(database);
        return readPackages(open);
    } catch (error) {
        if (error instanceof ImageDamage) throw error;
        throw new ImageDamage(`the rpm database is damaged (${printable((error as Error).message)})`);
    } finally {
        open?.close();
    }
}

function readPackages(database: SqlDatabase): InstalledPackage[] {
    const statement = database.prepare("SELECT blob FROM Packages");
    const packages: InstalledPackage[] = [];
    try {
        while (statement.step() && packages.length < MAX_PACKAGES) {
            const [blob] = statement.get();
            if (!(blob instanceof Uint8Array))
                throw new ImageDamage("the rpm database holds no package header");
            packages.push(
                ...packageOf(parseRpmHeader(Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength))),
            );
        }
    } finally {
        statement.free();
    }
    return packages;
}

/** The same of a database that is not to be read whole. */
export async function readRpmDatabaseInPlaces(file: PlacedFile): Promise<InstalledPackage[]> {
    const blobs = await readColumnStarts(file, {
        ...{ table: "Packages", column: 1, most: MAX_PACKAGES },
        needed: neededOfRpmHeader,
    });
    return blobs.flatMap(({ bytes, size }) => packageOf(parseRpmHeader(bytes, size)));
}

function packageOf({ name, epoch, version, release, architecture }: RpmHeader): InstalledPackage[] {
    // Imported keys are kept as packages of this name.
    if (name === "gpg-pubkey") return [];
    return [{ name, version: `${epoch ? `${epoch}:` : ""}${version}-${release}`, architecture }];
}

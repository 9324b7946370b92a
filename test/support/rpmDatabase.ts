import { spawnSync } from "node:child_process";
import * as fs from "node:fs";

/** A database as rpm itself makes it, with packages built on the spot. Its path. */
export function buildRpmDatabase(folder: string): string {
    const database = `${folder}/db`;
    fs.mkdirSync(database, { recursive: true });
    const packages = [
        { name: "node-agent", epoch: "Epoch: 2\n", version: "1.9.0", release: "1.emt3" },
        { name: "cloud-init", epoch: "", version: "24.1", release: "2" },
        { name: "with.dots-and_more", epoch: "", version: "1.0~rc1", release: "1" },
    ];
    const rpm = (program: string, args: string[]): void => {
        const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
        if (status !== 0) throw new Error(`${program}: ${stderr}`);
    };
    rpm("rpm", ["--dbpath", database, "--define", "_db_backend sqlite", "--initdb"]);
    for (const { name, epoch, version, release } of packages) {
        const spec = `${folder}/${name}.spec`;
        fs.writeFileSync(
            spec,
            `Name: ${name}\n${epoch}Version: ${version}\nRelease: ${release}\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\nd\n%files\n`,
        );
        rpm("rpmbuild", [
            "--quiet",
            "-bb",
            "--define",
            `_topdir ${folder}/top`,
            "--define",
            "_db_backend sqlite",
            spec,
        ]);
        const built = `${folder}/top/RPMS/noarch/${name}-${version}-${release}.noarch.rpm`;
        rpm("rpm", [
            "--dbpath",
            database,
            "--define",
            "_db_backend sqlite",
            "-i",
            "--justdb",
            "--nodeps",
            built,
        ]);
    }
    return database;
}

interface SqlDatabase {
    run(sql: string, values?: unknown[]): unknown;
    exec(sql: string, values?: unknown[]): { values: unknown[][] }[];
    export(): Uint8Array;
    close(): void;
}

/** SQLite itself, with a database of these bytes or a new one. */
export async function openSql(bytes?: Uint8Array): Promise<SqlDatabase> {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- brings no types
    const load = require("sql.js") as () => Promise<{ Database: new (bytes?: Uint8Array) => SqlDatabase }>;
    const { Database } = await load();
    if (!bytes) return new Database();
    const copy = Buffer.from(bytes);
    // Of rpm's write-ahead log, which is empty.
    copy.fill(1, 18, 20);
    return new Database(copy);
}

/**
 * rpm's database with as many packages as an installed system has: headers of the one given, each with a name of its
 * own and as much behind its data as the lists of files and changes take.
 */
export async function growRpmDatabase(
    rpmdb: Buffer,
    { packages, headerBytes }: { packages: number; headerBytes: number },
): Promise<Buffer> {
    const database = await openSql(rpmdb);
    try {
        const [found] = database.exec("SELECT blob FROM Packages");
        const header = Buffer.from(found?.values[0]?.[0] as Uint8Array);
        const name = header.indexOf("node-agent\0");
        database.run("BEGIN");
        for (let number = 0; number < packages; number++) {
            const copy = Buffer.concat([header, Buffer.alloc(headerBytes - header.length, 0x61)]);
            copy.write(`pkg-${String(number).padStart(6, "0")}`, name);
            copy.writeUInt32BE(copy.readUInt32BE(4) + copy.length - header.length, 4);
            database.run("INSERT INTO Packages (blob) VALUES (?)", [copy]);
        }
        database.run("COMMIT");
        return Buffer.from(database.export());
    } finally {
        database.close();
    }
}

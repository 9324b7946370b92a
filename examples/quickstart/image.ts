import * as childProcess from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";

const run = promisify(childProcess.execFile);

/**
 * A small disk image with the layout of Ubuntu's cloud images, made on the spot: partition table, EFI system
 * partition, ext4 root. It stands in for the image your own pipeline builds. Returns its path; the same bytes
 * every time, and nothing is done when they are there.
 */
export async function buildQuickstartImage(target = path.join("build", "ubuntu-edge.img")): Promise<string> {
    const record = `${target}.sha256`;
    const recipe = digest(
        ...["assemble.ts", "gpt.ts", "blank/fat32.img.gz", "blank/ext4.img.gz", "blank/placeholder.efi"],
    );
    if (fs.existsSync(target) && fs.existsSync(record)) {
        const [madeBy, sha256] = fs.readFileSync(record, "utf8").trim().split(" ");
        if (madeBy === recipe && sha256 === sha256Of(fs.readFileSync(target))) return target;
    }
    fs.mkdirSync(path.dirname(target), { recursive: true });
    const unfinished = `${target}.${process.pid}`;
    // A process of its own: file systems carry the time of writing, and there the clock can stand still.
    await run(
        process.execPath,
        [
            "-r",
            require.resolve("ts-node/register/transpile-only"),
            path.join(__dirname, "assemble.ts"),
            unfinished,
        ],
        { env: { PATH: process.env.PATH, TZ: "UTC" } },
    );
    fs.renameSync(unfinished, target);
    fs.writeFileSync(record, `${recipe} ${sha256Of(fs.readFileSync(target))}\n`);
    return target;
}

function digest(...files: string[]): string {
    const hash = crypto.createHash("sha256");
    for (const file of files) hash.update(fs.readFileSync(path.join(__dirname, file)));
    return hash.digest("hex");
}

function sha256Of(bytes: Buffer): string {
    return crypto.createHash("sha256").update(bytes).digest("hex");
}

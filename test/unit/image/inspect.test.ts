import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { ImageError, isError } from "../../../provider/image/check";
import { childEnvironment } from "../../../provider/process/tools";
import { checkName, publishedName } from "../../../provider/image/format";
import { inspectImage } from "../../../provider/image/inspect";
import { inspectInWorker } from "../../../provider/image/inspectInWorker";
import type { Inspection } from "../../../provider/image/inspection";
import { goodImage, MIB, oracle, temporaryFolder } from "./fixtures";

const ESP_START = MIB;
const ROOT_START = 35 * MIB;
const sha256 = (bytes: Buffer): string => crypto.createHash("sha256").update(bytes).digest("hex");

function failed({ checks }: Inspection): string[] {
    return checks.filter(({ verdict }) => verdict === "failed").map(({ id }) => id);
}

async function failure(work: Promise<unknown>): Promise<Error> {
    return work.then(
        () => {
            throw new Error("did not fail");
        },
        (error: unknown) => error as Error,
    );
}

describe("the inspection of an image", () => {
    const folder = temporaryFolder();
    let good: Buffer;
    let count = 0;

    before(async () => {
        good = await goodImage();
    });

    function write(bytes: Buffer): string {
        const file = folder.path(`image-${count++}`);
        fs.writeFileSync(file, bytes);
        return file;
    }

    async function inspectChanged(change: (image: Buffer) => void): Promise<Inspection> {
        const image = Buffer.from(good);
        change(image);
        return inspectImage(write(image));
    }

    it("passes a good raw image", async () => {
        const inspection = await inspectImage(write(good));
        expect(failed(inspection)).to.deep.equal([]);
        expect(inspection).to.include({
            sha256: sha256(good),
            sizeBytes: good.length,
            virtualSizeBytes: good.length,
            format: "raw",
            compression: "none",
        });
        expect(inspection.partitions.map(({ index, name }) => [index, name])).to.deep.equal([
            [1, "cloudimg-rootfs"],
            [15, "UEFI"],
        ]);
    });

    it("sees through gzip, hashing the file as it is transferred and the disk inside", async () => {
        const packed = zlib.gzipSync(good, { level: 1 });
        const inspection = await inspectImage(write(packed));
        expect(failed(inspection)).to.deep.equal([]);
        expect(inspection).to.include({
            sha256: sha256(packed),
            unpackedSha256: sha256(good),
            sizeBytes: packed.length,
            virtualSizeBytes: good.length,
            format: "raw",
            compression: "gz",
        });
    });

    for (const [compression, program, ...args] of [
        ["xz", "xz", "-0c"],
        ["bz2", "bzip2", "-1c"],
        ["zst", "zstd", "-qc"],
    ] as const) {
        it(`sees through ${program}`, async function () {
            const inspection = await inspectImage(write(oracle(this, program, args, good)));
            expect(failed(inspection)).to.deep.equal([]);
            expect(inspection).to.include({ compression, unpackedSha256: sha256(good) });
        });
    }

    it("sees through qcow2, and gzip around it", async function () {
        const file = folder.path("disk.qcow2");
        oracle(this, "qemu-img", ["convert", "-f", "raw", "-O", "qcow2", write(good), file]);
        const plain = await inspectImage(file);
        expect(failed(plain)).to.deep.equal([]);
        expect(plain).to.include({ format: "qcow2", compression: "none", virtualSizeBytes: good.length });
        const packed = await inspectImage(write(zlib.gzipSync(fs.readFileSync(file), { level: 1 })));
        expect(failed(packed)).to.deep.equal([]);
        expect(packed).to.include({ format: "qcow2", compression: "gz" });
    });

    it("still tells the digest of a broken stream", async () => {
        const packed = zlib.gzipSync(good, { level: 1 }).subarray(0, 60_000);
        const inspection = await inspectImage(write(packed));
        expect(failed(inspection)).to.deep.equal(["container.whole"]);
        expect(inspection.sha256).to.equal(sha256(packed));
    });

    it("finds a raw image that was cut off", async () => {
        expect(failed(await inspectImage(write(good.subarray(0, 40 * MIB))))).to.include("gpt.backup");
        expect(failed(await inspectImage(write(good.subarray(0, 1000))))).to.include("container.whole");
    });

    it("says what a file is that is no disk", async () => {
        const iso = Buffer.alloc(64 * 1024);
        iso.write("CD001", 0x8001);
        const [check] = (await inspectImage(write(iso))).checks;
        expect(check).to.include({ id: "container.whole", verdict: "failed", seen: "an ISO 9660 image" });
    });

    it("misses the EFI system partition and what must be in it", async () => {
        const noType = await inspectChanged((image) => {
            for (const start of [1024, image.length - 33 * 512]) image.writeUInt8(0x77, start + 14 * 128);
            seal(image);
        });
        expect(failed(noType)).to.deep.equal(["esp.present"]);
        const noFat = await inspectChanged((image) => image.fill(0, ESP_START, ESP_START + 512));
        expect(failed(noFat)).to.deep.equal(["esp.opens"]);
        const noLoader = await inspectChanged((image) => {
            const entry = image.indexOf("BOOTX64 EFI", ESP_START);
            image.write("NOTHING EFI", entry);
        });
        expect(failed(noLoader)).to.deep.equal(["esp.boot-loader"]);
        expect(noLoader.checks.find(({ verdict }) => verdict !== "passed")?.seen).to.contain("NOTHING.EFI");
    });

    it("misses the root file system", async () => {
        const none = await inspectChanged((image) => image.fill(0, ROOT_START, ROOT_START + 4096));
        expect(failed(none)).to.deep.equal(["root.present"]);
        const absurd = await inspectChanged((image) =>
            image.writeUInt32LE(0xffffffff, ROOT_START + 1024 + 40),
        );
        expect(failed(absurd)).to.deep.equal(["root.present"]);
        const other = await inspectChanged((image) => {
            image.fill(0, ROOT_START, ROOT_START + 4096);
            image.write("XFSB", ROOT_START);
        });
        expect(other.checks.at(-1)).to.include({ id: "root.present", verdict: "not-checked" });
    });

    it("gives a verdict on any damage to the file systems", async function () {
        this.timeout(120_000);
        let seed = 7;
        const next = (below: number): number => {
            seed = (seed * 1103515245 + 12345) % 2147483648;
            return seed % below;
        };
        for (let round = 0; round < 8; round++) {
            const image = Buffer.from(good);
            for (let i = 0; i < 40; i++) {
                const start = round % 2 === 0 ? ESP_START : ROOT_START;
                image.writeUInt8(next(256), start + next(round % 3 === 0 ? 2048 : 64 * 1024));
            }
            const outcome = await inspectInWorker(write(image), { stallLimit: 5000 }).catch(
                (error: unknown) => error,
            );
            if (outcome instanceof Error) expect(outcome).to.be.instanceOf(ImageError);
            fs.rmSync(folder.path(`image-${count - 1}`));
        }
    });

    it("refuses early when there is no room to unpack, and stops when it runs out", async () => {
        const file = write(zlib.gzipSync(good, { level: 1 }));
        const early = await failure(inspectImage(file, { maxSpoolBytes: 1000 }));
        expect(early.message).to.contain("no room").and.to.contain("spoolDirectory");
        const late = await failure(inspectImage(file, { maxSpoolBytes: 300_000 }));
        expect(late.message).to.contain("no room");
    });

    it("leaves nothing where it unpacks", async () => {
        const spoolDirectory = folder.path("spool");
        await inspectImage(write(zlib.gzipSync(good, { level: 1 })), { spoolDirectory });
        expect(fs.readdirSync(spoolDirectory)).to.deep.equal([]);
    });

    it("says why a path is no image", async () => {
        expect((await failure(inspectImage(folder.path()))).message).to.contain("folder");
        expect((await failure(inspectImage(folder.path("none")))).message).to.contain("ENOENT");
    });

    describe("in a thread of its own", () => {
        it("gives the same result, and progress", async () => {
            const seen: number[] = [];
            const file = write(good);
            const inspection = await inspectInWorker(file, { onProgress: ({ done }) => seen.push(done) });
            expect(inspection).to.deep.equal(await inspectImage(file));
            expect(seen.at(-1)).to.equal(good.length);
        });

        it("gives a verdict on an image made to be read for ever", async () => {
            const file = write(endlessDirectory(Buffer.from(good)));
            const { checks } = await inspectInWorker(file);
            expect(checks.filter(isError).map(({ id }) => id)).to.deep.equal(["esp.opens"]);
        });

        it("is given up when nothing moves any more", async () => {
            // Shorter than a thread takes to start.
            const error = await failure(inspectInWorker(write(good), { stallLimit: 1 }));
            expect(error).to.be.instanceOf(ImageError);
            expect(error.message).to.contain("made no progress");
        });

        it("ends at once when it is called off", async () => {
            const file = write(endlessDirectory(Buffer.from(good)));
            const aborted = new AbortController();
            const work = failure(
                inspectInWorker(file, {
                    signal: aborted.signal,
                    onProgress: () => aborted.abort(new Error("called off")),
                }),
            );
            expect((await work).message).to.equal("called off");
        });

        it("has none of the credentials of this process", () => {
            process.env.EDGE_OS_EMF_PASSWORD = "secret";
            try {
                expect(JSON.stringify(childEnvironment())).not.to.contain("secret");
            } finally {
                delete process.env.EDGE_OS_EMF_PASSWORD;
            }
        });
    });
});

/** A FAT directory whose only cluster is followed by itself and never says that it ends. */
function endlessDirectory(image: Buffer): Buffer {
    const boot = image.subarray(ESP_START, ESP_START + 512);
    const reserved = boot.readUInt16LE(14);
    const sectorsPerFat = boot.readUInt32LE(36);
    const root = boot.readUInt32LE(44);
    for (let copy = 0; copy < boot.readUInt8(16); copy++) {
        image.writeUInt32LE(root, ESP_START + (reserved + copy * sectorsPerFat) * 512 + root * 4);
    }
    const data = ESP_START + (reserved + boot.readUInt8(16) * sectorsPerFat) * 512;
    image.fill(0xe5, data, data + 512);
    return image;
}

function seal(image: Buffer): void {
    const sectors = image.length / 512;
    for (const lba of [1, sectors - 1]) {
        const header = image.subarray(lba * 512, lba * 512 + 512);
        const start = Number(header.readBigUInt64LE(72)) * 512;
        header.writeUInt32LE(zlib.crc32(image.subarray(start, start + 16384)), 88);
        header.writeUInt32LE(0, 16);
        header.writeUInt32LE(zlib.crc32(header.subarray(0, 92)), 16);
    }
}

describe("the names of images", () => {
    it("must say what is inside, since hosts go by them alone", () => {
        const check = (name: string, format: "raw" | "qcow2", compression: "none" | "gz" | "zst"): boolean =>
            checkName(name, { format, compression }).verdict === "passed";
        expect(check("a.img", "raw", "none")).to.equal(true);
        expect(check("a.img", "qcow2", "none")).to.equal(true);
        expect(check("a.raw.gz", "raw", "gz")).to.equal(true);
        expect(check("a", "raw", "none")).to.equal(true);
        expect(check("a.raw", "qcow2", "none")).to.equal(false);
        expect(check("a.qcow2", "raw", "none")).to.equal(false);
        expect(check("a.img", "raw", "gz")).to.equal(false);
        expect(check("a.img.gz", "raw", "none")).to.equal(false);
        expect(check("a.raw.xz", "raw", "gz")).to.equal(false);
    });

    it("are published as the platform reads them", () => {
        const digest = "0123456789abcdef".repeat(4);
        const name = (source: string, format: "raw" | "qcow2", compression: "none" | "gz" | "zst"): string =>
            publishedName(source, { format, compression, sha256: digest });
        expect(name("x/ubuntu.img", "raw", "none")).to.equal("ubuntu-0123456789abcdef.img");
        expect(name("emt.raw.gz", "raw", "gz")).to.equal("emt-0123456789abcdef.raw.gz");
        expect(name("emt.RAW.GZ", "raw", "gz")).to.equal("emt-0123456789abcdef.raw.gz");
        expect(name("u.qcow2", "qcow2", "none")).to.equal("u-0123456789abcdef.img");
        expect(name("a.raw.zst", "raw", "zst")).to.equal("a-0123456789abcdef.raw.zs");
        expect(name("my image (1).img.raw", "raw", "none")).to.equal("my-image-1--img-0123456789abcdef.raw");
        expect(name("..", "raw", "none")).to.equal("image-0123456789abcdef.raw");
    });
});

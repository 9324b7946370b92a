import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { bufferDevice } from "../../../provider/image/blockDevice";
import { ImageDamage } from "../../../provider/image/check";
import { type FatEntry, FatVolume } from "../../../provider/image/fat";
import { MIB, oracle, temporaryFolder } from "./fixtures";

/** Names as people give them, and sizes at the edges of clusters. */
const FILES: Readonly<Record<string, number>> = {
    "EFI/BOOT/BOOTX64.EFI": 300_000,
    "EFI/ubuntu/grub.cfg": 1,
    "EFI/ubuntu/A long name, with ümläuts and more than twenty-six letters.txt": 4097,
    "EFI/ubuntu/lower.low": 512,
    "EFI/empty": 0,
    "loader/entries/6.1.0-amd64.conf": 511,
};

describe("a FAT file system", () => {
    const folder = temporaryFolder();

    /** Made by mkfs.vfat and filled by mtools; files are taken out in between, so that others lie in pieces. */
    function made(test: Mocha.Context, bits: 12 | 16 | 32, size: number, ...more: string[]): Buffer {
        const image = folder.path(`fat${bits}.img`);
        fs.writeFileSync(image, Buffer.alloc(size));
        oracle(test, "mkfs.vfat", ["-F", String(bits), ...more, image]);
        oracle(test, "mmd", [
            "-i",
            image,
            ...["EFI", "EFI/BOOT", "EFI/ubuntu", "loader", "loader/entries"].map((name) => `::/${name}`),
        ]);
        const gaps = Array.from({ length: 60 }, (_, i) => `::/gap${i}`);
        const gapFiles = gaps.map((name) => folder.path(path.basename(name)));
        for (const file of gapFiles) fs.writeFileSync(file, "x".repeat(3000));
        oracle(test, "mcopy", ["-i", image, ...gapFiles, "::/"]);
        oracle(test, "mdel", ["-i", image, ...gaps.filter((_, i) => i % 2 === 0)]);
        for (const [name, length] of Object.entries(FILES)) {
            oracle(test, "mcopy", ["-i", image, source(name, length), `::/${name}`]);
        }
        return fs.readFileSync(image);
    }

    function source(name: string, length: number): string {
        const file = folder.path(crypto.createHash("md5").update(name).digest("hex"));
        fs.writeFileSync(file, contentOf(name, length));
        return file;
    }

    for (const [bits, size, ...more] of [
        [12, 3 * MIB],
        [16, 20 * MIB],
        [32, 40 * MIB, "-s", "1"],
        [16, 30 * MIB, "-S", "4096", "-s", "1"],
    ] as const) {
        it(`of ${bits} bits${more.length > 0 ? ` (${more.join(" ")})` : ""} is read as it was written`, async function () {
            const volume = await FatVolume.open(bufferDevice(made(this, bits, size, ...more)));
            expect(await namesUnder(volume)).to.have.members(Object.keys(FILES).map((name) => `/${name}`));
            for (const [name, length] of Object.entries(FILES)) {
                for (const spelling of [name, name.toUpperCase(), name.toLowerCase()]) {
                    const found = await volume.find(spelling);
                    if (!found || found === "root") throw new Error(`${spelling} is not there`);
                    const bytes = await volume.read(found, 0, length + 100);
                    expect(bytes.equals(contentOf(name, length)), name).to.equal(true);
                }
            }
        });
    }

    let sound: Buffer;
    before(function () {
        sound = made(this, 16, 5 * MIB, "-s", "1");
    });

    it("gives any part of a file", async () => {
        const volume = await FatVolume.open(bufferDevice(sound));
        const name = "EFI/BOOT/BOOTX64.EFI";
        const entry = (await volume.find(name)) as FatEntry;
        const whole = contentOf(name, entry.size);
        await fc.assert(
            fc.asyncProperty(fc.nat(entry.size), fc.nat(20_000), async (start, length) => {
                const part = await volume.read(entry, start, length);
                return part.equals(whole.subarray(start, start + length));
            }),
            { numRuns: 100 },
        );
    });

    describe("that is damaged", () => {
        async function readAll(bytes: Buffer): Promise<void> {
            const volume = await FatVolume.open(bufferDevice(bytes));
            for (const name of await namesUnder(volume)) {
                const entry = await volume.find(name);
                if (entry && entry !== "root") await volume.read(entry, 0, Math.min(entry.size, MIB));
            }
        }

        it("is refused where its chains loop, and never followed for ever", async () => {
            const looping = Buffer.from(sound);
            const table = 512 * looping.readUInt16LE(14);
            // Every cluster leads to itself.
            for (let cluster = 2; cluster < 5000; cluster++)
                looping.writeUInt16LE(cluster, table + 2 * cluster);
            const failure = await readAll(looping).catch((error: unknown) => error as Error);
            expect(failure).to.be.instanceOf(ImageDamage);
            expect((failure as Error).message).to.match(/loops/);
        });

        it("is refused where a file says to be larger than the partition", async () => {
            const bytes = Buffer.from(sound);
            const at = bytes.indexOf("BOOTX64 EFI");
            bytes.writeUInt32LE(0xffffffff, at + 28);
            const volume = await FatVolume.open(bufferDevice(bytes));
            const entry = (await volume.find("efi/boot/bootx64.efi")) as FatEntry;
            expect(entry.size).to.equal(0xffffffff);
            const failure = await volume
                .read(entry, 0xfffff000, 100)
                .catch((error: unknown) => error as Error);
            expect(failure).to.be.instanceOf(ImageDamage);
        });

        it("gives what is there, or says that it is damaged", async () => {
            const used = [...sound.keys()].filter((at) => sound[at] !== 0 && at < 300_000);
            await fc.assert(
                fc.asyncProperty(
                    fc.array(fc.tuple(fc.nat(used.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
                    async (changes) => {
                        const bytes = Buffer.from(sound);
                        for (const [i, value] of changes) bytes[used[i] ?? 0] = value;
                        await readAll(bytes).catch((error: unknown) => {
                            if (!(error instanceof ImageDamage)) throw error;
                        });
                    },
                ),
                { numRuns: 200 },
            );
        });
    });
});

function contentOf(name: string, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    let state = name.length;
    for (let i = 0; i < length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        bytes[i] = state >>> 24;
    }
    return bytes;
}

async function namesUnder(volume: FatVolume, folder = "/", depth = 0): Promise<string[]> {
    const found = await volume.find(folder);
    if (!found || depth > 8) return [];
    const names: string[] = [];
    for (const { name, isDirectory } of await volume.list(found)) {
        if (name.startsWith("gap")) continue;
        const full = path.posix.join(folder, name);
        if (isDirectory) names.push(...(await namesUnder(volume, full, depth + 1)));
        else names.push(full);
        if (names.length > 2000) break;
    }
    return names;
}

import * as fs from "node:fs";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { isError } from "../../../provider/image/check";
import { inspectImage } from "../../../provider/image/inspect";
import type { Inspection } from "../../../provider/image/inspection";
import { goodImage, oracle, temporaryFolder } from "./fixtures";
import { buildRoot } from "./rootImage";

/** What people give by mistake, and what they are told. */
describe("a file that is no disk image", () => {
    const folder = temporaryFolder();

    async function inspect(bytes: Buffer): Promise<Inspection> {
        const file = folder.path("odd.raw");
        fs.writeFileSync(file, bytes);
        return inspectImage(file, { spoolDirectory: folder.path() });
    }

    function findings({ checks }: Inspection): string[] {
        return checks.filter(isError).map(({ id, message }) => `${id}: ${message}`);
    }

    function beginning(text: string, size = 4096): Buffer {
        const bytes = Buffer.alloc(size);
        bytes.write(text, "latin1");
        return bytes;
    }

    for (const [what, make, said] of [
        ["nothing", () => Buffer.alloc(0), "is empty: whatever"],
        [
            "a VMDK",
            () => beginning("KDMV"),
            "is a VMDK disk, not a disk image: hosts write raw and qcow2 images",
        ],
        [
            "a VHD that grows",
            () => beginning("conectix"),
            "is a VHD disk, not a disk image: .* qemu-img convert",
        ],
        ["a QED", () => beginning("QED\0"), "is a QED disk"],
        [
            "a server's error page",
            () => beginning("<!DOCTYPE html><title>404"),
            "is an HTML page, .* a server answers",
        ],
        [
            "a 7z archive",
            () => beginning("7z\xbc\xaf\x27\x1c"),
            "is a 7z archive, not a disk image: give the image",
        ],
    ] as const) {
        it(`is told from one: ${what}`, async () => {
            const inspection = await inspect(make());
            expect(findings(inspection)).to.have.lengthOf(1);
            expect(findings(inspection)[0]).to.match(new RegExp(`^container\\.whole: ${said}`));
        });
    }

    it("is told from one: a VHD of fixed size, which begins as a disk", async () => {
        const footer = beginning("conectix", 512);
        const found = findings(await inspect(Buffer.concat([await goodImage(), footer])));
        expect(found).to.have.lengthOf(1);
        expect(found[0]).to.match(/^container\.whole: is a VHD disk of fixed size, .* qemu-img convert/);
    });

    it("is told from one: an image that was packed twice", async () => {
        const twice = zlib.gzipSync(zlib.gzipSync(Buffer.alloc(100_000)));
        expect(findings(await inspect(twice))).to.deep.equal([
            "container.whole: is packed as gz again, not a disk image: hosts unpack an image once: unpack it, and pack it once",
        ]);
    });

    it("is told from one: a file system without a disk around it", async () => {
        const [found] = findings(await inspect(buildRoot({ "etc/os-release": "ID=x\n" })));
        expect(found).to.match(/^gpt\.present: is a file system and no disk \(ext4 without partitions\)/);
    });

    it("larger than any disk is refused before hours are spent with it", async () => {
        const file = folder.path("huge.raw");
        fs.writeFileSync(file, "");
        fs.truncateSync(file, 2 ** 40);
        const error = await inspectImage(file).catch((reason: unknown) => reason as Error);
        expect((error as Error).message).to.match(/^has 1 TiB, more than the 256 GiB .*maxDiskBytes/);
    });

    it("is told from one: a pipe that nobody writes to", async function () {
        const pipe = folder.path("pipe.img");
        oracle(this, "mkfifo", [pipe]);
        const error = await inspectImage(pipe).catch((reason: unknown) => reason as Error);
        expect((error as Error).message).to.equal("is not a regular file");
    });

    it("is one all the same when a frame that is passed over comes first", async function () {
        const packed = oracle(this, "zstd", ["-c", "-1", "-q"], await goodImage());
        const skipped = Buffer.from("502a4d1804000000cafecafe", "hex");
        const inspection = await inspect(Buffer.concat([skipped, packed]));
        expect(inspection.compression).to.equal("zst");
        expect(findings(inspection)).to.deep.equal([]);
        const without = { spoolDirectory: folder.path(), tools: false };
        expect(findings(await inspectImage(folder.path("odd.raw"), without))).to.deep.equal([]);
    });
});

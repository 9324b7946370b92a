import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { bufferDevice, type BlockDevice } from "../../../provider/image/blockDevice";
import { ImageDamage } from "../../../provider/image/check";
import { Qcow2Device } from "../../../provider/image/qcow2";
import { goodImage, MIB, oracle, temporaryFolder } from "./fixtures";

async function digest(device: BlockDevice): Promise<string> {
    const hash = crypto.createHash("sha256");
    for (let at = 0; at < device.size; at += MIB) {
        hash.update(await device.read(at, Math.min(MIB, device.size - at)));
    }
    return hash.digest("hex");
}

const CLUSTER = 65536;

/** A qcow2 of two clusters: data in the first, nothing in the second. */
function tinyQcow2(): Buffer {
    const file = Buffer.alloc(4 * CLUSTER);
    file.write("QFI\xfb", 0, "latin1");
    file.writeUInt32BE(3, 4);
    file.writeUInt32BE(16, 20);
    file.writeBigUInt64BE(BigInt(2 * CLUSTER), 24);
    file.writeUInt32BE(1, 36);
    file.writeBigUInt64BE(BigInt(CLUSTER), 40);
    file.writeUInt32BE(4, 96);
    file.writeUInt32BE(104, 100);
    file.writeBigUInt64BE(BigInt(2 * CLUSTER) | (1n << 63n), CLUSTER);
    file.writeBigUInt64BE(BigInt(3 * CLUSTER) | (1n << 63n), 2 * CLUSTER);
    file.write("hello", 3 * CLUSTER);
    return file;
}

async function refusal(change: (file: Buffer) => void): Promise<string> {
    const file = tinyQcow2();
    change(file);
    const error = await Qcow2Device.open(bufferDevice(file)).then(
        () => undefined,
        (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(ImageDamage);
    return (error as ImageDamage).message;
}

describe("the qcow2 reader", () => {
    const folder = temporaryFolder();

    it("reads clusters, holes, and across them", async () => {
        const device = await Qcow2Device.open(bufferDevice(tinyQcow2()));
        await device.verifyTables();
        expect(device.size).to.equal(2 * CLUSTER);
        expect((await device.read(0, 5)).toString()).to.equal("hello");
        expect((await device.read(CLUSTER - 8, 16)).equals(Buffer.alloc(16))).to.equal(true);
    });

    for (const [what, ...options] of [
        ["version 2", "-o", "compat=0.10"],
        ["version 3", "-o", "compat=1.1"],
        ["small clusters", "-o", "cluster_size=512"],
        ["large clusters", "-o", "cluster_size=2M"],
        ["zlib", "-c"],
        ["zstd", "-c", "-o", "compression_type=zstd"],
    ] as const) {
        it(`reads the disk that qemu-img wrote with ${what}`, async function () {
            const raw = folder.path("disk.raw");
            const file = folder.path("disk.qcow2");
            const image = await goodImage();
            fs.writeFileSync(raw, image);
            oracle(this, "qemu-img", ["convert", "-f", "raw", "-O", "qcow2", ...options, raw, file]);
            const device = await Qcow2Device.open(bufferDevice(fs.readFileSync(file)));
            await device.verifyTables();
            expect(await digest(device)).to.equal(crypto.createHash("sha256").update(image).digest("hex"));
        });
    }

    it("refuses a backing file by its name", async () => {
        const message = await refusal((file) => {
            file.write("/etc/passwd\u001b[0m", 200, "latin1");
            file.writeBigUInt64BE(200n, 8);
            file.writeUInt32BE(15, 16);
        });
        expect(message).to.contain('"/etc/passwd?[0m"').and.to.contain("qemu-img convert");
    });

    it("refuses what a host cannot read either, saying what it is", async () => {
        expect(await refusal((file) => file.writeUInt32BE(2, 32))).to.contain("LUKS");
        expect(await refusal((file) => file.writeBigUInt64BE(4n, 72))).to.contain("external data file");
        expect(await refusal((file) => file.writeBigUInt64BE(16n, 72))).to.contain("extended L2");
        expect(await refusal((file) => file.writeBigUInt64BE(2n, 72))).to.contain("corrupt");
        expect(await refusal((file) => file.writeBigUInt64BE(64n, 72))).to.contain("unknown features");
        expect(await refusal((file) => file.writeUInt32BE(4, 4))).to.contain("version 4");
    });

    it("refuses absurd sizes before it allocates for them", async () => {
        expect(await refusal((file) => file.writeUInt32BE(40, 20))).to.contain("cluster");
        expect(await refusal((file) => file.writeBigUInt64BE(1n << 60n, 24))).to.contain("bytes");
        expect(await refusal((file) => file.writeUInt32BE(0x7fffffff, 36))).to.contain("table");
        expect(await refusal((file) => file.writeUInt32BE(0, 36))).to.contain("table");
        expect(await refusal((file) => file.writeBigUInt64BE(1n << 50n, 40))).to.contain("ends at");
    });

    it("finds a file that was cut off", async () => {
        const device = await Qcow2Device.open(bufferDevice(tinyQcow2().subarray(0, 3 * CLUSTER)));
        const error = await device.verifyTables().then(
            () => undefined,
            (thrown: unknown) => thrown,
        );
        expect(error).to.be.instanceOf(ImageDamage);
        expect((error as Error).message).to.contain("cut off");
    });

    for (const options of [[], ["-c"], ["-c", "-o", "compression_type=zstd"]]) {
        it(`finds that the last bytes are missing (${options.join(" ") || "plain"})`, async function () {
            const raw = folder.path("last.raw");
            const file = folder.path("last.qcow2");
            // A disk that ends within a cluster, with data up to its end.
            fs.writeFileSync(raw, crypto.randomBytes(3 * CLUSTER + 1024));
            oracle(this, "qemu-img", ["convert", "-f", "raw", "-O", "qcow2", ...options, raw, file]);
            const whole = fs.readFileSync(file);
            const padding = options.length > 0 ? 512 : CLUSTER - 1024;
            for (const missing of [padding + 1, padding + 100]) {
                const cut = bufferDevice(whole.subarray(0, whole.length - missing));
                const device = await Qcow2Device.open(cut);
                const error = await device.verifyTables().then(
                    () => undefined,
                    (thrown: unknown) => thrown,
                );
                expect(error, `${missing} bytes`).to.be.instanceOf(ImageDamage);
                expect((error as ImageDamage).message).to.contain("cut off");
            }
        });
    }

    it("finds tables that are used twice, which would make a walk endless", async () => {
        const file = tinyQcow2();
        file.writeUInt32BE(9, 20);
        file.writeBigUInt64BE(BigInt(512 * 64 * 100), 24);
        file.writeUInt32BE(100, 36);
        for (let i = 0; i < 100; i++) file.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER + i * 8);
        const device = await Qcow2Device.open(bufferDevice(file));
        const error = await device.verifyTables().then(
            () => undefined,
            (thrown: unknown) => thrown,
        );
        expect((error as Error).message).to.contain("twice");
    });

    it("gives a verdict on any header and any table", async () => {
        const whole = tinyQcow2();
        const place = fc.oneof(
            fc.integer({ min: 4, max: 112 }),
            fc.integer({ min: CLUSTER, max: CLUSTER + 16 }),
            fc.integer({ min: 2 * CLUSTER, max: 2 * CLUSTER + 24 }),
        );
        await fc.assert(
            fc.asyncProperty(
                fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
                async (changes) => {
                    const file = Buffer.from(whole);
                    for (const [at, value] of changes) file.writeUInt8(value, at);
                    try {
                        const device = await Qcow2Device.open(bufferDevice(file));
                        await device.verifyTables();
                        await device.read(0, Math.min(device.size, 4 * CLUSTER));
                    } catch (error) {
                        if (!(error instanceof ImageDamage)) throw error;
                    }
                },
            ),
            { numRuns: 1500 },
        );
    });
});

import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { MessageChannel } from "node:worker_threads";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { isError } from "../../../provider/image/check";
import { inspectSource } from "../../../provider/image/inspect";
import type { Inspection } from "../../../provider/image/inspection";
import { readImageSettings } from "../../../provider/image/settings";
import { PortSource } from "../../../provider/image/source/portSource";
import { serveSource, type Service } from "../../../provider/image/source/serveSource";
import { openWebSource } from "../../../provider/image/source/web";
import { WebClient } from "../../../provider/image/source/webClient";
import { testHost } from "../../support/context";
import { type ImageServer, startImageServer } from "../../support/imageServer";
import { buildRpmDatabase, growRpmDatabase } from "../../support/rpmDatabase";
import { needsTool } from "../../support/tools";
import { buildDisk, buildRoot } from "../../unit/image/rootImage";
import { goodImage, MIB, oracle, temporaryFolder } from "../../unit/image/fixtures";

const sha256 = (bytes: Buffer): string => crypto.createHash("sha256").update(bytes).digest("hex");

describe("the inspection of an image on a web server", () => {
    const folder = temporaryFolder();
    let server: ImageServer;
    let good: Buffer;

    before(async () => {
        good = await goodImage();
    });
    beforeEach(async () => {
        server = await startImageServer();
    });
    afterEach(() => server.close());

    /** As the worker does it, but in this thread: through a port, which gives bytes and nothing else. */
    async function inspect(
        bytes: Buffer,
        options: { planned?: string; ranges?: boolean } = {},
    ): Promise<Inspection> {
        server.files.set("/image", { bytes, etag: '"one"', ranges: options.ranges ?? true });
        const host = testHost({ config: { "edge-os:image": { caFile: server.caFile } } });
        const client = new WebClient(readImageSettings(host), host);
        const source = await openWebSource(`${server.origin}/image`, client);
        const { port1, port2 } = new MessageChannel();
        let service: Service | undefined;
        try {
            return await new Promise<Inspection>((resolve, reject) => {
                service = serveSource(source, port1, { clock: host }, reject);
                const limits = { spoolDirectory: folder.path("spool") };
                const { planned } = options;
                inspectSource(new PortSource(source, port2), {
                    limits,
                    ...(planned ? { planned } : {}),
                }).then(resolve, reject);
            });
        } finally {
            service?.close();
        }
    }

    function failed({ checks }: Inspection): string[] {
        return checks.filter(isError).map(({ id }) => id);
    }

    it("reads parts of one whose digest is known", async () => {
        const inspection = await inspect(good, { planned: sha256(good) });
        expect(failed(inspection)).to.deep.equal([]);
        expect(inspection).to.include({ sha256: sha256(good), isPlanned: true, sizeBytes: good.length });
        expect(server.sent)
            .to.be.lessThan(8 * MIB)
            .and.lessThan(good.length / 4);
    });

    it("asks for what lies together in one request", async () => {
        const status = Array.from(
            { length: 2000 },
            (_, at) =>
                `Package: package-${at}\nStatus: install ok installed\nVersion: ${at}\n${" x\n".repeat(80)}`,
        ).join("\n");
        const units = Array.from({ length: 200 }, (_, at) => [
            `usr/lib/systemd/system/unit-${at}.service`,
            `[Install]\nWantedBy=multi-user.target\n`,
        ]);
        const root = buildRoot({
            ...{ "etc/os-release": "ID=ubuntu\n", "var/lib/dpkg/status": status },
            ...(Object.fromEntries(units) as Record<string, string>),
        });
        const disk = await buildDisk(root);
        const { contents } = await inspect(disk, { planned: sha256(disk) });
        expect(contents?.packages?.packages).to.have.lengthOf(2000);
        // The library asks for block after block of four kilobytes.
        expect(server.requests.length).to.be.lessThan(20);
        expect(server.sent).to.be.lessThan(status.length + 2 * MIB);
    });

    it("reads the beginnings of the headers in an rpm database", async function () {
        this.timeout(60_000);
        needsTool(this, "rpmbuild");
        const built = fs.readFileSync(`${buildRpmDatabase(folder.path("rpm"))}/rpmdb.sqlite`);
        const rpmdb = await growRpmDatabase(built, { packages: 600, headerBytes: 40_000 });
        expect(rpmdb.length).to.be.greaterThan(20 * MIB);
        const root = buildRoot(
            { "etc/os-release": "ID=emt\n", "var/lib/rpm/rpmdb.sqlite": rpmdb },
            { megabytes: 48 },
        );
        const disk = await buildDisk(root, { rootIndex: 2 });
        const { contents } = await inspect(disk, { planned: sha256(disk) });
        const { packages = [] } = contents?.packages ?? {};
        expect(packages).to.have.lengthOf(603);
        expect(packages).to.deep.include({
            name: "pkg-000599",
            version: "2:1.9.0-1.emt3",
            architecture: "noarch",
        });
        expect(server.sent).to.be.lessThan(8 * MIB);

        const whole = await inspect(disk);
        expect(whole.contents?.packages).to.deep.equal(contents?.packages);
    });

    it("reads parts of a qcow2", async function () {
        const raw = folder.path("to-convert.raw");
        const qcow2 = folder.path("converted.qcow2");
        fs.writeFileSync(raw, good);
        oracle(this, "qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, qcow2]);
        const inspection = await inspect(fs.readFileSync(qcow2), { planned: "0".repeat(64) });
        expect(failed(inspection)).to.deep.equal([]);
        expect(inspection).to.include({ format: "qcow2", virtualSizeBytes: good.length });
        expect(server.sent).to.be.lessThan(8 * MIB);
    });

    it("goes on behind connections that break while it reads parts", async () => {
        server.react = (_request, nth) => (nth > 1 && nth % 2 === 0 ? { breakAfter: 100_000 } : undefined);
        const inspection = await inspect(good, { planned: sha256(good) });
        expect(failed(inspection)).to.deep.equal([]);
    });

    it("reads one whose digest is not known once more than its parts", async () => {
        const inspection = await inspect(good);
        expect(failed(inspection)).to.deep.equal([]);
        expect(inspection.sha256).to.equal(sha256(good));
        expect(inspection).to.not.have.property("isPlanned");
        expect(server.sent)
            .to.be.at.least(good.length)
            .and.lessThan(good.length + 8 * MIB);
    });

    for (const [suffix, pack] of Object.entries({
        gz: () => zlib.gzipSync(good, { level: 1 }),
        xz: (test: Mocha.Context) => oracle(test, "xz", ["-c", "-1"], good),
        bz2: (test: Mocha.Context) => oracle(test, "bzip2", ["-c", "-1"], good),
        zst: (test: Mocha.Context) => oracle(test, "zstd", ["-c", "-1", "-q"], good),
    })) {
        it(`unpacks ${suffix} on the way, in one pass over connections that break`, async function () {
            const bytes = pack(this);
            server.react = (_request, nth) => (nth === 2 ? { breakAfter: bytes.length >> 1 } : undefined);
            const inspection = await inspect(bytes);
            expect(failed(inspection)).to.deep.equal([]);
            expect(inspection).to.include({
                sha256: sha256(bytes),
                sizeBytes: bytes.length,
                unpackedSha256: sha256(good),
                compression: suffix,
            });
            expect(server.sent).to.be.at.most(bytes.length + 1 + 64 * 1024);
            expect(server.requests).to.have.lengthOf(3);
        });
    }

    it("keeps what comes from a server that takes no ranges", async () => {
        const inspection = await inspect(good, { planned: "0".repeat(64), ranges: false });
        expect(failed(inspection)).to.deep.equal([]);
        expect(inspection).to.include({ sha256: sha256(good), virtualSizeBytes: good.length });
        expect(server.requests).to.have.lengthOf(2);
        expect(fs.readdirSync(folder.path("spool"))).to.deep.equal([]);
    });

    it("sees damage", async () => {
        const damaged = Buffer.from(good);
        damaged.fill(0xff, 512, 1024);
        expect(failed(await inspect(damaged, { planned: sha256(damaged) }))).to.include("gpt.header-crc");
        const cut = zlib.gzipSync(good, { level: 1 }).subarray(0, 100_000);
        expect(failed(await inspect(cut))).to.deep.equal(["container.whole"]);
    });

    it("ends with the failure of its source", async () => {
        server.react = (_request, nth) => (nth > 1 ? { status: 404 } : undefined);
        const error = await inspect(good).catch((reason: unknown) => reason as Error);
        expect((error as Error).message).to.include("is not there");
    });

    it("holds few chunks between the threads, however slow the reader is", async () => {
        const { port1, port2 } = new MessageChannel();
        let read = 0;
        const endless = {
            name: "endless",
            fileName: "endless",
            size: 2 ** 40,
            identity: undefined,
            takesRanges: true,
            async *read() {
                for (;;) {
                    read++;
                    yield await Promise.resolve(Buffer.alloc(MIB));
                }
            },
            close: () => Promise.resolve(),
        };
        const service = serveSource(endless, port1, { clock: testHost() }, () => undefined);
        const source = new PortSource(endless, port2);
        let taken = 0;
        for await (const chunk of source.read({ start: 0 })) {
            expect(chunk).to.have.lengthOf(MIB);
            for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
            expect(read - ++taken).to.be.at.most(5);
            if (taken === 20) break;
        }
        service.close();
    });
});

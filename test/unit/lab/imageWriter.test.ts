import { spawnSync } from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { CertificateAuthority } from "../../../lab/certificates";
import { rootPartition } from "../../../lab/emf/disk";
import { ImageError, ImageTimeout, writeImage, type ImageProfile } from "../../../lab/emf/imageWriter";
import { serveDirectory } from "../../../lab/images";
import { listen, PortBook, type Listener } from "../../../lab/server";
import { tinyImage, tinyQcow2 } from "./tinyImage";

const MUTABLE = "OS_TYPE_MUTABLE";
const UNKNOWN_AUTHORITY = "tls: failed to verify certificate: x509: certificate signed by unknown authority";

/** What becomes of an image: a disk with a root, one without, a failure, or a step that never ends. */
type Outcome = "installed" | "no root" | "timeout" | RegExp;

describe("lab image rules", () => {
    const raw = tinyImage();
    const files: Record<string, Buffer> = {};
    let folder: string;
    let images: Listener;
    let foreign: Listener;
    let expired: Listener;
    let authority: CertificateAuthority;
    let leaf: string;
    let sites: Record<string, string>;

    before(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-images-"));
        const directory = path.join(folder, "images");
        fs.mkdirSync(directory);
        const gz = zlib.gzipSync(raw);
        const qcow2 = tinyQcow2(raw);
        Object.assign(files, {
            "u.raw": raw,
            "u.raw.gz": gz,
            "cut.raw.gz": zlib
                .gzipSync(Buffer.concat([raw, crypto.randomBytes(400_000)]))
                .subarray(0, 300_000),
            "damaged.raw.gz": Buffer.concat([gz.subarray(0, 60), Buffer.alloc(200, 0xff), gz.subarray(260)]),
            "notpacked.raw.gz": raw,
            "packed.raw": gz,
            "u.img": raw,
            "u.qcow2": qcow2,
            "q.img": qcow2,
            "qc.img": tinyQcow2(raw, { compressed: true }),
            "q.img.gz": zlib.gzipSync(qcow2),
            "empty.img": tinyQcow2(Buffer.alloc(200_000)),
            "broken.img": Buffer.concat([Buffer.from("QFI\xfb", "latin1"), Buffer.alloc(200, 0xee)]),
            "noparts.raw": Buffer.alloc(100_000),
        });
        for (const [suffix, command] of [
            ["bz2", ["bzip2", "-c"]],
            ["bzip2", ["bzip2", "-c"]],
            ["xz", ["xz", "-c"]],
            ["zst", ["zstd", "-qc"]],
            ["zs", ["zstd", "-qc"]],
        ] as const) {
            const packed = spawnSync(command[0], [command[1]], { input: raw });
            if (packed.status === 0) {
                files[`u.raw.${suffix}`] = packed.stdout;
            }
        }
        for (const [name, content] of Object.entries(files)) {
            fs.writeFileSync(path.join(directory, name), content);
        }
        authority = await CertificateAuthority.open(path.join(folder, "ca"));
        const ports = new PortBook(path.join(folder, "ports.json"));
        const handler = serveDirectory(directory);
        const identity = await authority.issue();
        leaf = identity.certificate;
        images = await listen({ name: "images", ports, identity, handler });
        const other = await authority.issue({ names: ["images.example.com"] });
        foreign = await listen({ name: "foreign", ports, identity: other, handler });
        const past = { notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") };
        expired = await listen({ name: "expired", ports, identity: await authority.issue(past), handler });
        const redirects = await listen({
            name: "redirects",
            ports,
            identity,
            handler: (request, response) => {
                response.writeHead(302, { location: `${images.origin}${request.url ?? ""}` }).end();
            },
        });
        const failing = await listen({
            name: "failing",
            ports,
            identity,
            handler: (_, response) => response.writeHead(503).end(),
        });
        const breaking = await listen({
            name: "breaking",
            ports,
            identity,
            handler: (_, response) => {
                response.writeHead(200, { "content-length": raw.length });
                response.write(raw.subarray(0, 70_000), () => response.destroy());
            },
        });
        sites = {
            images: images.origin,
            foreign: foreign.origin,
            expired: expired.origin,
            redirects: redirects.origin,
            failing: failing.origin,
            breaking: breaking.origin,
            nobody: "https://127.0.0.1:9",
            plain: images.origin.replace("https:", "http:"),
        };
        closing = [images, foreign, expired, redirects, failing, breaking];
    });
    let closing: Listener[] = [];
    after(async () => {
        await Promise.all(closing.map((listener) => listener.close()));
        fs.rmSync(folder, { recursive: true, force: true });
    });

    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const sha256 = (name: string): string =>
        crypto
            .createHash("sha256")
            .update(files[name] ?? "")
            .digest("hex");

    async function outcomeOf(
        profile: Partial<ImageProfile>,
        options: { systemRoots?: string[]; capacity?: number } = {},
    ): Promise<string> {
        try {
            const partitions = await writeImage(
                { imageUrl: "", sha256: "", tlsCaCert: base64(leaf), osType: MUTABLE, ...profile },
                {
                    disk: { device: "/dev/sda", capacity: options.capacity ?? 1 << 30 },
                    systemRoots: options.systemRoots ?? [],
                    scratch: path.join(folder, "scratch"),
                },
            );
            return rootPartition(partitions) ? "installed" : "no root";
        } catch (error) {
            if (error instanceof ImageTimeout) {
                return "timeout";
            }
            expect(error).to.be.instanceOf(ImageError);
            return (error as Error).message;
        }
    }

    function check(actual: string, expected: Outcome): void {
        if (typeof expected === "string") {
            expect(actual).to.equal(expected);
        } else {
            expect(actual).to.match(expected);
        }
    }

    describe("what is unpacked follows the suffix of the URL", () => {
        for (const [name, expected] of [
            ["u.raw", "installed"],
            ["u.raw.gz", "installed"],
            ["u.raw.bz2", "installed"],
            ["u.raw.bzip2", "installed"],
            ["u.raw.xz", "installed"],
            ["u.raw.zs", "installed"],
            ["u.raw.zst", /^error writing image to disk: unknown compression suffix \[\.zst\]$/],
            ["u.raw.gz?version=2", "no root"],
            ["packed.raw", "no root"],
            [
                "notpacked.raw.gz",
                /^error writing image to disk: \[ERROR\] New gzip reader: gzip: invalid header$/,
            ],
            [
                "damaged.raw.gz",
                /error writing \S+ bytes to disk \[\/dev\/sda\] -> (flate: corrupt input|gzip: invalid checksum)/,
            ],
            ["noparts.raw", "no root"],
        ] as const) {
            it(`${name}: ${String(expected)}`, async function () {
                if (name.startsWith("u.raw.") && !files[name.replace(/\?.*/, "")]) {
                    this.skip();
                }
                check(await outcomeOf({ imageUrl: `${sites.images}/${name}` }), expected);
            });
        }
    });

    describe("qcow2 is recognised only behind .img, and with the system's roots alone", () => {
        for (const [name, trusted, expected] of [
            ["u.qcow2", true, "no root"],
            ["q.img", true, "installed"],
            ["qc.img", true, "installed"],
            ["q.img", false, "no root"],
            ["q.img.gz", true, "no root"],
            ["u.img", true, "installed"],
            ["empty.img", true, "timeout"],
            ["broken.img", true, /network block device attach failed: exit status 1$/],
        ] as const) {
            it(`${name} behind a ${trusted ? "public" : "private"} authority: ${String(expected)}`, async () => {
                const systemRoots = trusted ? [authority.certificate] : [];
                check(await outcomeOf({ imageUrl: `${sites.images}/${name}` }, { systemRoots }), expected);
            });
        }

        it("leaves no copy behind", () => {
            expect(fs.readdirSync(path.join(folder, "scratch"))).to.deep.equal([]);
        });

        it("reads what qemu-img makes", async function () {
            const [source, target] = [
                path.join(folder, "images/u.raw"),
                path.join(folder, "images/made.img"),
            ];
            for (const options of [
                [],
                ["-c"],
                ["-o", "compat=0.10"],
                ["-c", "-o", "compression_type=zstd"],
            ]) {
                const made = spawnSync("qemu-img", ["convert", "-O", "qcow2", ...options, source, target]);
                if (made.error) {
                    this.skip();
                }
                const systemRoots = [authority.certificate];
                expect(await outcomeOf({ imageUrl: `${sites.images}/made.img` }, { systemRoots })).to.equal(
                    "installed",
                );
            }
        });
    });

    describe("the checksum is that of the bytes transferred", () => {
        const at = (name: string): string => `${sites.images}/${name}`;

        it("of the packed file", async () => {
            expect(await outcomeOf({ imageUrl: at("u.raw.gz"), sha256: sha256("u.raw.gz") })).to.equal(
                "installed",
            );
            expect(await outcomeOf({ imageUrl: at("u.raw.gz"), sha256: sha256("u.raw") })).to.equal(
                "error writing image to disk: Image SHA-256 hash mismatch",
            );
        });

        it("of the qcow2", async () => {
            const systemRoots = [authority.certificate];
            const good = { imageUrl: at("q.img"), sha256: sha256("q.img") };
            expect(await outcomeOf(good, { systemRoots })).to.equal("installed");
            expect(await outcomeOf({ ...good, sha256: sha256("u.raw") }, { systemRoots })).to.equal(
                "error writing image to disk: image SHA-256 hash mismatch",
            );
        });

        it("and an early end of the data shows in nothing else", async () => {
            const cut = { imageUrl: at("cut.raw.gz"), sha256: sha256("cut.raw.gz") };
            expect(await outcomeOf(cut)).to.equal("installed");
            expect(await outcomeOf({ imageUrl: `${sites.breaking}/u.raw` })).to.equal("installed");
            expect(
                await outcomeOf({ imageUrl: `${sites.breaking}/u.raw`, sha256: sha256("u.raw") }),
            ).to.match(/SHA-256 hash mismatch/);
        });
    });

    describe("trust", () => {
        const trial = (site: string, tlsCaCert: string, systemRoots: string[] = []): Promise<string> =>
            outcomeOf({ imageUrl: `${sites[site]}/u.raw`, tlsCaCert }, { systemRoots });

        it("accepts the server's own certificate and that of its authority", async () => {
            expect(await trial("images", base64(leaf))).to.equal("installed");
            expect(await trial("images", base64(authority.certificate))).to.equal("installed");
            expect(await trial("images", base64(authority.certificate + leaf))).to.equal("installed");
        });

        it("is that of the system without a certificate in the profile, and only then", async () => {
            expect(await trial("images", "", [authority.certificate])).to.equal("installed");
            expect(await trial("images", "")).to.contain(UNKNOWN_AUTHORITY);
            const stranger = await CertificateAuthority.open(path.join(folder, "stranger"));
            expect(await trial("images", base64(stranger.certificate), [authority.certificate])).to.equal(
                "error writing image to disk: Failed to download the image from URL: " +
                    `Get "${sites.images}/u.raw": ${UNKNOWN_AUTHORITY}`,
            );
        });

        it("checks name and time", async () => {
            const ca = base64(authority.certificate);
            expect(await trial("foreign", ca)).to.match(
                /x509: certificate is valid for images\.example\.com, not 127/,
            );
            expect(await trial("expired", ca)).to.match(/x509: certificate has expired or is not yet valid/);
        });

        for (const [what, value, expected] of [
            ["what is not base64", "####", /^Error decoding base64 TLS CA certificate$/],
            ["base64 of something else", Buffer.from("hello").toString("base64"), /missing PEM header/],
            [
                "PEM of something else",
                Buffer.from("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n").toString(
                    "base64",
                ),
                /invalid CA certificate: failed to parse X\.509 certificate/,
            ],
        ] as const) {
            it(`refuses ${what}`, async () => check(await trial("images", value), expected));
        }
    });

    describe("the way to the image", () => {
        const from = (imageUrl: string, osType: ImageProfile["osType"] = MUTABLE): Promise<string> =>
            outcomeOf({ imageUrl, osType });

        it("is HTTPS", async () => {
            expect(await from(`${sites.plain}/u.raw`)).to.match(
                /Get "http:.*": unsupported protocol scheme "http"$/,
            );
            expect(await from("ftp://example.com/u.raw")).to.match(/unsupported protocol scheme "ftp"$/);
            expect(await from("images/u.raw")).to.match(
                /Get "images\/u\.raw": unsupported protocol scheme ""$/,
            );
        });

        it("leads an immutable profile's relative path to the machine's own proxy", async () => {
            expect(await from("repository/u.raw", "OS_TYPE_IMMUTABLE")).to.match(
                /Get "http:\/\/127\.0\.0\.1\/repository\/u\.raw": dial tcp 127\.0\.0\.1:80: connect: connection refused$/,
            );
        });

        it("follows redirects", async () => {
            expect(await from(`${sites.redirects}/u.raw`)).to.equal("installed");
        });

        it("reports what the server says", async () => {
            const url = `${sites.images}/missing.raw`;
            expect(await from(url)).to.equal(`error writing image to disk: ${url} not found`);
            expect(await from(`${sites.failing}/u.raw`)).to.equal(
                "error writing image to disk: 503 Service Unavailable",
            );
            expect(await from(`${sites.nobody}/u.raw`)).to.match(
                /dial tcp 127\.0\.0\.1:9: connect: connection refused$/,
            );
        });

        it("ends at a full disk", async () => {
            const small = await outcomeOf({ imageUrl: `${sites.images}/u.raw.gz` }, { capacity: 100_000 });
            expect(small).to.match(/bytes to disk \[\/dev\/sda\] -> .*no space left on device$/);
        });
    });
});

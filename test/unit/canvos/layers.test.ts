import * as crypto from "node:crypto";
import * as zlib from "node:zlib";
import { expect } from "chai";
import * as fc from "fast-check";
import type { LayeredImage, ReadOptions } from "../../../provider/canvos/layers";
import { readImageArchive } from "../../../provider/canvos/layers.archive";
import { type Secret, SecretSearch } from "../../../provider/canvos/verify.secretSearch";
import { readContents } from "../../../provider/image/root/contents";
import { dockerArchive, inPieces, layerArchive, type LayerFiles, ociArchive } from "../../support/layers";

type Look<T> = (image: LayeredImage) => Promise<T> | T;

async function withImage<T>(
    layers: readonly LayerFiles[],
    look: Look<T>,
    options: ReadOptions = {},
): Promise<T> {
    const archives = await Promise.all(layers.map(layerArchive));
    return withArchive(await dockerArchive({ layers: archives }), look, options);
}

async function withArchive<T>(
    archive: Buffer,
    look: Look<T>,
    options: ReadOptions & { reference?: string } = {},
    piece?: number,
): Promise<T> {
    const image = await readImageArchive(inPieces(archive, piece), options);
    try {
        return await look(image);
    } finally {
        image.close();
    }
}

async function refused(archive: Buffer): Promise<string> {
    return withArchive(archive, () => "taken").catch((error: unknown) => (error as Error).message);
}

const names =
    (path: string): Look<string[]> =>
    ({ tree }) =>
        tree.list(path);
const text =
    (path: string): Look<string | undefined> =>
    ({ tree }) =>
        tree.readText(path, 1000);
const keep = ["a", "b", "c", "name"];

describe("the layers of an image", () => {
    describe("laid over each other", () => {
        it("show the highest file of a path", async () => {
            expect(await withImage([{ a: "low" }, { a: "high" }], text("/a"), { keep })).to.equal("high");
        });

        it("lose what a higher one takes away, with all that is in it", async () => {
            const layers: LayerFiles[] = [{ "d/a": "1", "d/e/b": "2", c: "3" }, { ".wh.d": "" }];
            expect(await withImage(layers, names("/"))).to.deep.equal(["c"]);
        });

        it("keep what the layer that takes away puts there itself, wherever it stands in the archive", async () => {
            const layers: LayerFiles[] = [{ "d/old": "1" }, { "d/new": "2", "d/.wh..wh..opq": "" }];
            expect(await withImage(layers, names("/d"))).to.deep.equal(["new"]);
        });

        it("have the content of a hard link's target, from the same layer or a lower one", async () => {
            const layers: LayerFiles[] = [{ a: "1" }, { b: { hardLink: "a" }, c: { hardLink: "b" } }];
            expect(await withImage(layers, text("/c"), { keep })).to.equal("1");
        });

        it("make a folder of a link that a higher layer puts files under, as overlay file systems do", async () => {
            const layers: LayerFiles[] = [{ "usr/lib/a": "1", lib: { link: "usr/lib" } }, { "lib/b": "2" }];
            expect(await withImage(layers, names("/lib"))).to.deep.equal(["b"]);
        });

        it("keep a folder's files when a higher layer changes its permissions", async () => {
            const layers: LayerFiles[] = [
                { "d/": { folder: true }, "d/a": "1" },
                { "d/": { folder: true, mode: 0o700 } },
            ];
            const seen = await withImage(layers, async ({ tree }) => [
                await tree.list("/d"),
                (await tree.entry("/d"))?.mode,
            ]);
            expect(seen).to.deep.equal([["a"], 0o700]);
        });

        it("follow links inside the image, and never out of it", async () => {
            const layers: LayerFiles[] = [
                { "etc/name": "inside", "x/up": { link: "../../../../etc" }, abs: { link: "/etc/name" } },
            ];
            expect(await withImage(layers, text("/x/up/name"), { keep })).to.equal("inside");
            expect(await withImage(layers, text("/abs"), { keep })).to.equal("inside");
        });

        it("tell modes, owners and digests of files whose content was not kept", async () => {
            const file = { content: "firmware", mode: 0o4755, uid: 7, gid: 8 };
            const seen = await withImage([{ "opt/fw.bin": file }], async ({ tree }) => ({
                ...(await tree.entry("/opt/fw.bin")),
                sha256: await tree.sha256("/opt/fw.bin"),
            }));
            const sha256 = crypto.createHash("sha256").update("firmware").digest("hex");
            expect(seen).to.deep.equal({ kind: "file", mode: 0o4755, uid: 7, gid: 8, size: 8, sha256 });
        });
    });

    describe("are read", () => {
        const layers: LayerFiles[] = [
            { "etc/os-release": 'ID=ubuntu\nVERSION_ID="24.04"\n' },
            {
                "var/lib/dpkg/status":
                    "Package: lldpd\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\n",
            },
        ];
        const look: Look<unknown> = async ({ tree, configDigest }) => {
            const { os, packages } = await readContents(tree);
            return [os?.versionId, packages?.packages[0]?.name, configDigest.length];
        };

        for (const [layout, pack] of [
            ["Docker's layout", dockerArchive],
            ["the OCI layout", ociArchive],
            [
                "the OCI layout with layers in gzip",
                (image) => ociArchive(image, (layer) => zlib.gzipSync(layer)),
            ],
        ] as [string, typeof dockerArchive][]) {
            it(`from ${layout}, in pieces of any size`, async () => {
                const archive = await pack({ layers: await Promise.all(layers.map(layerArchive)) });
                for (const piece of [37, 512, 1 << 20]) {
                    expect(await withArchive(archive, look, {}, piece)).to.deep.equal(["24.04", "lldpd", 71]);
                }
            });
        }

        it("also where two of them are the same", async () => {
            const layer = await layerArchive({ a: "1" });
            expect(await withArchive(await ociArchive({ layers: [layer, layer] }), names("/"))).to.deep.equal(
                ["a"],
            );
        });

        it("and take the space of all of them, unpacked", async () => {
            const layer = await layerArchive({ a: Buffer.alloc(5000) });
            const archive = await ociArchive({ layers: [layer] }, (bytes) => zlib.gzipSync(bytes));
            expect(await withArchive(archive, ({ sizeBytes }) => sizeBytes)).to.equal(layer.length);
        });
    });

    describe("are refused", () => {
        it("when one is damaged", async () => {
            const layer = await layerArchive({ a: "the content" });
            const archive = await dockerArchive({ layers: [layer] });
            archive[archive.indexOf("the content")] = 0x54;
            expect(await refused(archive)).to.contain("has no layer sha256:");
        });

        it("when the archive is cut off", async () => {
            const archive = await dockerArchive({ layers: [await layerArchive({ a: Buffer.alloc(3000) })] });
            for (const end of [700, 2000, 4500, archive.length - 2500]) {
                expect(await refused(archive.subarray(0, end)), String(end)).not.to.equal("taken");
            }
        });

        it("when a path leads out of the image", async () => {
            const archive = await dockerArchive({
                layers: [await layerArchive({ "../../etc/passwd": "x" })],
            });
            expect(await refused(archive)).to.contain("is no path inside the image");
        });

        it("when a hard link has no target", async () => {
            const archive = await dockerArchive({
                layers: [await layerArchive({ a: { hardLink: "nowhere" } })],
            });
            expect(await refused(archive)).to.contain("link to a file that is not there");
        });

        it("when a header announces a name without end", async () => {
            const archive = Buffer.alloc(512);
            archive.write("././@LongLink", 0);
            archive.write("0000644\0", 100);
            archive.write("77777777777\0", 124);
            archive.write("        L", 148);
            archive.write("ustar  \0", 257);
            const sum = archive.reduce((total, byte) => total + byte, 0);
            archive.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
            async function* endless(): AsyncGenerator<Buffer> {
                yield archive;
                for (let i = 0; i < 200; i++) yield Buffer.alloc(1 << 20);
            }
            const error = await readImageArchive(endless(), {}).catch((failure: unknown) => failure);
            expect((error as Error).message).to.contain("headers of more than 64 MiB");
        });
    });

    it("are searched for secrets: contents, names, and the configuration with its history", async () => {
        const secrets = [
            { name: "token", value: "edge-token-1234567890" },
            { name: "pro", value: "pro key/with+signs" },
            { name: "unused", value: "never-written" },
            { name: "pin", value: "1234" },
        ];
        const basic = Buffer.from("user:edge-token-1234567890").toString("base64");
        const archive = await dockerArchive({
            layers: [
                await layerArchive({ "root/.netrc": `x ${basic}\n`, gone: "edge-token-1234567890" }),
                await layerArchive({ ".wh.gone": "" }),
            ],
            config: { history: [{ created_by: "RUN pro attach pro key/with+signs" }] },
        });
        const found = await withArchive(
            archive,
            ({ secrets: all, unsearchable }) => ({ all, unsearchable }),
            { secrets },
        );
        expect(found.unsearchable).to.deep.equal(["pin"]);
        expect(found.all).to.deep.equal([
            { name: "token", form: "base64", where: "/root/.netrc" },
            { name: "token", form: "as it is", where: "/gone" },
            { name: "pro", form: "as it is", where: "its configuration (history, environment, labels)" },
        ]);
    });
});

describe("the search for secrets", () => {
    const secret = fc
        .string({ unit: "binary", minLength: 6, maxLength: 40 })
        .filter((s) => Buffer.byteLength(s) >= 6);

    it("finds each at each of its places, however the stream is cut", () => {
        const stream = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.nat(2)), { maxLength: 12 });
        fc.assert(
            fc.property(
                fc.array(secret, { minLength: 1, maxLength: 3 }),
                stream,
                fc.integer({ min: 1, max: 50 }),
                (values, parts, cut) => {
                    const named: Secret[] = values.map((value, i) => ({ name: String(i), value }));
                    const bytes = Buffer.concat(
                        parts.map((part) =>
                            Buffer.from(typeof part === "number" ? (values[part] ?? "") : part),
                        ),
                    );
                    const hits = new Set<string>();
                    const search = new SecretSearch(named).start(({ name, form, offset }) => {
                        if (form === "as it is") hits.add(`${name}@${offset}`);
                    });
                    for (let at = 0; at < bytes.length; at += cut) search.push(bytes.subarray(at, at + cut));
                    const expected = named.flatMap(({ name, value }) =>
                        placesOf(bytes, value).map((at) => `${name}@${at}`),
                    );
                    expect([...hits].sort()).to.deep.equal(expected.sort());
                },
            ),
            { numRuns: 300 },
        );
    });

    it("finds the longest of its forms wherever the stream is cut", () => {
        const value = "ÄÖÜäöüß";
        const bytes = Buffer.from(encodeURIComponent(value));
        for (let cut = 1; cut < bytes.length; cut++) {
            const forms: string[] = [];
            const search = new SecretSearch([{ name: "s", value }]).start(
                ({ form }) => void forms.push(form),
            );
            search.push(bytes.subarray(0, cut));
            search.push(bytes.subarray(cut));
            expect(forms, String(cut)).to.deep.equal(["percent-encoded"]);
        }
    });

    it("finds one in base64 whatever stands around it", () => {
        fc.assert(
            fc.property(
                secret,
                fc.uint8Array({ maxLength: 20 }),
                fc.uint8Array({ maxLength: 20 }),
                fc.boolean(),
                (value, before, after, url) => {
                    const text = Buffer.concat([before, Buffer.from(value), after]).toString(
                        url ? "base64url" : "base64",
                    );
                    let hits = 0;
                    new SecretSearch([{ name: "s", value }]).start(() => hits++).push(Buffer.from(text));
                    expect(hits).to.be.greaterThan(0);
                },
            ),
            { numRuns: 300 },
        );
    });
});

function placesOf(bytes: Buffer, value: string): number[] {
    const places: number[] = [];
    for (let at = bytes.indexOf(value); at >= 0; at = bytes.indexOf(value, at + 1)) places.push(at);
    return places;
}

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { inputHash, type BuildInputs } from "../../../provider/canvos/inputHash";
import { ResultCache } from "../../../provider/image/cache";
import { UnavailableHere } from "../../../provider/resource/errors";

describe("canvos: the digest of a build's inputs", () => {
    let folder: string;
    let cache: ResultCache;

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "input-hash-"));
        cache = new ResultCache(path.join(folder, "cache"));
        makeOverlay("overlay");
    });
    afterEach(() => {
        fs.rmSync(folder, { recursive: true });
    });

    function makeOverlay(name: string): void {
        const etc = path.join(folder, name, "etc");
        fs.mkdirSync(etc, { recursive: true });
        fs.writeFileSync(path.join(etc, "a.conf"), "options ib_core netns_mode=0\n", { mode: 0o644 });
        fs.writeFileSync(path.join(etc, "b.sh"), "#!/bin/sh\n", { mode: 0o755 });
        fs.symlinkSync("a.conf", path.join(etc, "link"));
    }

    function hashOf(changes: Partial<BuildInputs> = {}): Promise<string> {
        const files = { overlay: path.join(folder, "overlay") };
        const variables = { CUSTOM_TAG: "demo", ARCH: "amd64" };
        const given = {
            commit: "237ae342",
            variables,
            targets: ["iso", "a"],
            texts: { userData: "x" },
            digests: {},
        };
        return inputHash({ ...given, files, ...changes }, cache);
    }

    it("is the same for the same contents elsewhere, at another time, in another order", async () => {
        const before = await hashOf();
        makeOverlay("elsewhere");
        const moved = path.join(folder, "elsewhere");
        fs.utimesSync(path.join(moved, "etc/a.conf"), 1, 1);
        fs.chmodSync(path.join(moved, "etc/a.conf"), 0o600);
        expect(await hashOf({ files: { overlay: moved } })).to.equal(before);
        expect(await hashOf({ variables: { ARCH: "amd64", CUSTOM_TAG: "demo" } })).to.equal(before);
        expect(before).to.match(/^[0-9a-f]{64}$/);
    });

    it("is another one for any change that a build sees", async () => {
        const etc = path.join(folder, "overlay/etc");
        const seen = new Set([await hashOf()]);
        const changed = async (what: string, hash: Promise<string>): Promise<void> => {
            const { size } = seen;
            expect(seen.add(await hash).size, what).to.equal(size + 1);
        };
        await changed("commit", hashOf({ commit: "fb36e29" }));
        await changed("variable", hashOf({ variables: { CUSTOM_TAG: "demo" } }));
        await changed("target", hashOf({ targets: ["iso"] }));
        await changed("order of the targets", hashOf({ targets: ["a", "iso"] }));
        await changed("text", hashOf({ texts: { userData: "y" } }));
        await changed("digest", hashOf({ digests: { baseImage: "sha256:1" } }));
        await changed("role", hashOf({ files: { content: path.join(folder, "overlay") } }));
        fs.writeFileSync(path.join(etc, "a.conf"), "options ib_core netns_mode=1\n");
        await changed("bytes", hashOf());
        fs.chmodSync(path.join(etc, "a.conf"), 0o755);
        await changed("executable bit", hashOf());
        fs.renameSync(path.join(etc, "b.sh"), path.join(etc, "c.sh"));
        await changed("name", hashOf());
        fs.rmSync(path.join(etc, "link"));
        await changed("link", hashOf());
        fs.mkdirSync(path.join(etc, "empty"));
        await changed("empty folder", hashOf());
    });

    it("reads large files once, and again when they change", async () => {
        const bfb = path.join(folder, "firmware.bfb");
        const old = new Date(Date.now() - 60_000);
        fs.writeFileSync(bfb, Buffer.alloc(2 * 1024 * 1024, 1));
        fs.utimesSync(bfb, old, old);
        const files = { bfb };
        // A file whose inode was changed only now is not kept yet: its times would not tell of a change just after.
        let before = "";
        const until = Date.now() + 5_000;
        while (!fs.existsSync(path.join(folder, "cache")) && Date.now() < until)
            before = await hashOf({ files });
        expect(fs.readdirSync(path.join(folder, "cache"))).to.have.lengthOf(1);
        expect(await hashOf({ files })).to.equal(before);
        const [entry = ""] = fs.readdirSync(path.join(folder, "cache"));
        fs.writeFileSync(path.join(folder, "cache", entry), JSON.stringify({ value: "0".repeat(64) }));
        expect(await hashOf({ files }), "made of what was kept").to.not.equal(before);
        fs.writeFileSync(bfb, Buffer.alloc(2 * 1024 * 1024, 2));
        expect(await hashOf({ files })).to.not.equal(before);
    });

    it("tells what is not there", async () => {
        const error = await hashOf({ files: { clusterConfig: path.join(folder, "spc.tgz") } }).catch(
            (e: unknown) => e,
        );
        expect(error).to.be.instanceOf(UnavailableHere);
        expect((error as Error).message).to.match(/^clusterConfig: there is no .*spc\.tgz$/);
    });
});

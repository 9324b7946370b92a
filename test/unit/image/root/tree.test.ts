import { expect } from "chai";
import { ImageDamage } from "../../../../provider/image/check";
import { TooLarge } from "../../../../provider/image/root/tree";
import { needsTool } from "../../../support/tools";
import { buildRoot, withTree } from "../rootImage";

const LONG = "/usr/share/" + "long-folder-name/".repeat(6) + "file";

describe("the files of a root file system", () => {
    let root: Buffer;
    before(function () {
        needsTool(this, "mkfs.ext4");
        root = buildRoot({
            "usr/lib/os-release": "ID=ubuntu\n",
            "etc/os-release": { link: "../usr/lib/os-release" },
            lib: { link: "usr/lib" },
            "etc/absolute": { link: "/lib/os-release" },
            "etc/outside": { link: "../../../../usr/lib/os-release" },
            "etc/dangling": { link: "/nowhere" },
            "etc/long": { link: LONG },
            [LONG.slice(1)]: "found\n",
            "loop/a": { link: "b" },
            "loop/b": { link: "/loop/a" },
            "usr/bin/sudo": { mode: 0o4755, content: "x" },
            empty: "",
            binary: Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]),
            large: Buffer.alloc(700_001, 7),
        });
    });

    it("are found through links, as a system that runs from them finds them", async () => {
        await withTree(root, async (tree) => {
            for (const path of [
                "/etc/os-release",
                "/etc/absolute",
                "/lib/os-release",
                "/etc/outside",
                "/etc/../lib/./os-release",
            ]) {
                expect(await tree.readText(path, 100), path).to.equal("ID=ubuntu\n");
            }
            expect(await tree.readText("/etc/long", 100)).to.equal("found\n");
            expect(await tree.linkTarget("/etc/long")).to.equal(LONG);
            expect(await tree.linkTarget("/etc/dangling")).to.equal("/nowhere");
            expect(await tree.linkTarget("/empty")).to.equal(undefined);
            expect(await tree.entry("/etc/dangling")).to.equal(undefined);
            expect((await tree.linkEntry("/etc/dangling"))?.kind).to.equal("link");
        });
    });

    it("end a loop of links with a clear error", async () => {
        await withTree(root, async (tree) => {
            const error = await tree.entry("/loop/a/file").catch((reason: unknown) => reason);
            expect(error).to.be.instanceOf(ImageDamage);
            expect((error as Error).message).to.contain("/loop/a/file is a loop of links");
        });
    });

    it("are read as they are: binary, empty, large, with permissions", async () => {
        await withTree(root, async (tree) => {
            expect(await tree.read("/binary", 100)).to.deep.equal(
                Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]),
            );
            expect(await tree.read("/empty", 100)).to.have.lengthOf(0);
            expect((await tree.read("/large", 2 ** 20))?.equals(Buffer.alloc(700_001, 7))).to.equal(true);
            expect(await tree.readHead("/large", 10)).to.deep.equal(Buffer.alloc(10, 7));
            expect(await tree.entry("/usr/bin/sudo")).to.deep.include({
                kind: "file",
                mode: 0o4755,
                size: 1,
            });
            const error = await tree.read("/large", 700_000).catch((reason: unknown) => reason);
            expect(error).to.be.instanceOf(TooLarge);
        });
    });

    it("are nothing where nothing is", async () => {
        await withTree(root, async (tree) => {
            expect(await tree.read("/none", 10)).to.equal(undefined);
            expect(await tree.read("/empty/below", 10)).to.equal(undefined);
            expect(await tree.read("/usr", 10)).to.equal(undefined);
            expect(await tree.list("/none")).to.deep.equal([]);
            expect(await tree.list("/empty")).to.deep.equal([]);
            expect(await tree.list("/")).to.include.members(["etc", "lib", "usr"]);
        });
    });

    for (const feature of ["inline_data", "orphan_file,metadata_csum_seed", "^has_journal,^extent,^64bit"]) {
        it(`are read with ${feature}`, async () => {
            const other = buildRoot({ "etc/os-release": "ID=debian\n" }, { options: ["-O", feature] });
            await withTree(other, async (tree) => {
                expect(await tree.readText("/etc/os-release", 100)).to.equal("ID=debian\n");
            });
        });
    }
});

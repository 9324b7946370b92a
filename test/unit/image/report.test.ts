import { expect } from "chai";
import * as fc from "fast-check";
import { changelogOf, isUnchanged } from "../../../provider/image/changelog";
import { changelogMarkdown, changelogSummary } from "../../../provider/image/changelogText";
import { type ImageCheck, isError } from "../../../provider/image/check";
import { problemsOf } from "../../../provider/image/diskImage.judge";
import type { Inspection } from "../../../provider/image/inspection";
import {
    type ImageManifest,
    manifestOf,
    readManifest,
    writeManifest,
} from "../../../provider/image/manifest";
import { boundedText } from "../../../provider/image/markdown";
import { reportMarkdown, verdictLine } from "../../../provider/image/report";

const INSPECTION: Inspection = {
    sha256: "a".repeat(64),
    sizeBytes: 700 * 2 ** 20,
    format: "raw",
    compression: "gz",
    virtualSizeBytes: 4 * 2 ** 30,
    partitions: [
        {
            index: 1,
            name: "",
            type: "T",
            sizeBytes: 3 * 2 ** 30,
            fileSystem: "ext4",
            label: "cloudimg-rootfs",
        },
        { index: 15, name: "UEFI", type: "T", sizeBytes: 100 * 2 ** 20, fileSystem: "FAT", label: "UEFI" },
    ],
    checks: [],
    contents: {
        os: { id: "ubuntu", versionId: "24.04", prettyName: "Ubuntu 24.04.2 LTS" },
        architecture: "x86_64",
        kernels: [{ version: "6.8.0-41-generic", modules: 5000 }],
        packages: {
            manager: "dpkg",
            packages: [
                { name: "bash", version: "5.2.21-2ubuntu4", architecture: "amd64" },
                { name: "gone", version: "1.0", architecture: "all" },
                { name: "libc6", version: "2.39-0ubuntu8", architecture: "amd64" },
                { name: "libc6", version: "2.39-0ubuntu8", architecture: "i386" },
                { name: "older", version: "2.0", architecture: "all" },
            ],
        },
        units: { enabled: ["ssh.service", "telnet.socket"], masked: [] },
        unread: {},
    },
    boot: {
        files: [
            {
                path: "EFI/BOOT/BOOTX64.EFI",
                partition: 15,
                kind: "shim",
                machine: "x86_64",
                sha256: "1".repeat(64),
                authenticodeSha256: "2".repeat(64),
                signers: ["Microsoft"],
                problems: [],
            },
        ],
        signed: true,
        unsigned: [],
        signers: ["Microsoft"],
    },
};

function changed(edit: (copy: Inspection) => void): ImageManifest {
    const copy = structuredClone(INSPECTION);
    edit(copy);
    return manifestOf(copy, "ubuntu-2222222222222222.raw.gz");
}

const BEFORE = manifestOf(INSPECTION, "ubuntu-1111111111111111.raw.gz");

describe("a finding that several checks have alike", () => {
    const alike = (id: string, verdict: ImageCheck["verdict"] = "failed"): ImageCheck => ({
        ...{ id, verdict, seen: "no root file system" },
        message: "cannot hold, since the image has no readable root file system",
    });
    const checks = [
        { ...alike("root.present"), seen: "xfs", message: "no partition holds a root file system" },
        ...["os.id", "package.nginx", "root.kernel"].map((id) => alike(id)),
        alike("pci.8086:15f3", "not-checked"),
    ];

    it("is told once, with all of their ids", () => {
        const report = reportMarkdown("a.raw", INSPECTION, checks);
        expect(report.split("cannot hold, since")).to.have.lengthOf(3);
        expect(report).to.contain(
            "- **3 checks: os.id, package.nginx, root.kernel**: cannot hold, since the image has",
        );
        expect(report).to.contain("- **root.present**: no partition holds");
        expect(report).to.contain("- **pci.8086:15f3**: cannot hold");
        expect(verdictLine(checks)).to.equal("4 of 4 checks failed, 1 not checked");
    });

    it("is one problem of the source", () => {
        expect(problemsOf(checks.filter(isError)).map(({ message }) => message.split(":")[0])).to.deep.equal([
            "root.present",
            "3 checks",
        ]);
    });
});

describe("an image's manifest", () => {
    it("comes back as it was written", () => {
        expect(readManifest(writeManifest(BEFORE), "x")).to.deep.equal(BEFORE);
        const bare = structuredClone(INSPECTION);
        delete bare.contents;
        delete bare.boot;
        const small = manifestOf(bare, "x.raw.gz");
        expect(readManifest(writeManifest(small), "x")).to.deep.equal(small);
    });

    it("is refused in one sentence where it is something else", () => {
        const refused = (text: string): string => {
            try {
                return readManifest(Buffer.from(text), "m.json").image.fileName;
            } catch (error) {
                return (error as Error).message;
            }
        };
        expect(refused("{")).to.equal("m.json is no image manifest: it is not JSON");
        expect(refused("[]")).to.contain("m.json is no image manifest");
        expect(refused("null")).to.contain("m.json is no image manifest");
        expect(refused('{"manifestVersion":7}')).to.contain("newer pulumi-edge-os (manifest version 7)");
        expect(refused('{"manifestVersion":1}')).to.contain("m.json is no image manifest: image");
    });
});

describe("the changelog of an image", () => {
    it("says that nothing has changed", () => {
        const changelog = changelogOf(BEFORE, BEFORE);
        expect(isUnchanged(changelog)).to.equal(true);
        expect(changelogMarkdown(changelog)).to.contain("Nothing that is compared has changed");
        expect(changelogSummary(changelog)).to.equal("nothing that is compared has changed");
    });

    it("tells packages, kernels, units, boot chain and partitions", () => {
        const after = changed(({ contents, boot, partitions }) => {
            const packages = contents?.packages?.packages ?? [];
            const set = (name: string, version: string, architecture?: string): void => {
                for (const one of packages) {
                    if (one.name === name && one.architecture === (architecture ?? one.architecture))
                        one.version = version;
                }
            };
            set("bash", "5.2.21-2ubuntu4.1");
            set("libc6", "2.39-0ubuntu8.4", "i386");
            set("older", "1:1.0");
            set("gone", "");
            packages.splice(1, 1, { name: "new", version: "3", architecture: "all" });
            set("older", "1.9");
            contents?.kernels?.splice(0, 1, { version: "6.8.0-45-generic", modules: 5001 });
            contents?.units?.enabled.splice(1, 1, "docker.service");
            contents?.units?.masked.push("apport.service");
            for (const file of boot?.files ?? []) file.signers = [];
            partitions.push({ index: 3, name: "data", type: "T", sizeBytes: 2 ** 30 });
        });
        const changelog = changelogOf(BEFORE, after);
        expect(changelog.packages).to.deep.equal({
            added: [{ name: "new", version: "3" }],
            removed: [{ name: "gone", version: "1.0" }],
            upgraded: [
                { name: "bash", from: "5.2.21-2ubuntu4", to: "5.2.21-2ubuntu4.1" },
                { name: "libc6:i386", from: "2.39-0ubuntu8", to: "2.39-0ubuntu8.4" },
            ],
            downgraded: [{ name: "older", from: "2.0", to: "1.9" }],
        });
        expect(changelog.kernels).to.deep.equal({
            added: ["6.8.0-45-generic"],
            removed: ["6.8.0-41-generic"],
        });
        expect(changelog.units).to.deep.equal({
            enabled: ["docker.service"],
            noLongerEnabled: ["telnet.socket"],
            masked: ["apport.service"],
            noLongerMasked: [],
        });
        expect(changelog.boot.changed[0]?.to).to.contain("not signed");
        expect(changelog.partitions.added).to.deep.equal(["partition 3"]);
        const text = changelogMarkdown(changelog);
        expect(text).to.contain("### Packages upgraded (2)\n\n- `bash` 5.2.21-2ubuntu4 → 5.2.21-2ubuntu4.1");
        expect(text).to.contain("### Units no longer started at boot\n\n- `telnet.socket`");
        expect(changelogSummary(changelog)).to.contain("kernel 6.8.0-45-generic added");
        expect(changelogMarkdown(changelog, 1)).to.contain("- … and 1 more");
    });

    it("says nothing about what could not be read in one of the two", () => {
        const after = changed(({ contents }) => {
            if (!contents) return;
            delete contents.packages;
            contents.unread = { packages: "the rpm database was not closed" };
        });
        const changelog = changelogOf(BEFORE, after);
        expect(changelog.notCompared).to.deep.equal(["packages"]);
        expect(changelog.packages.removed).to.deep.equal([]);
        expect(changelogMarkdown(changelog)).to.contain("not compared: packages");
    });

    it("is the same thing backwards", () => {
        // No two spellings of one version: of those neither is the newer one.
        const version = fc.stringMatching(/^[0-9]\.(?:0|[1-9][0-9]?)$/);
        const packages = fc.uniqueArray(fc.record({ name: fc.constantFrom("a", "b", "c", "d"), version }), {
            selector: ({ name }) => name,
        });
        const withPackages = (list: { name: string; version: string }[]): ImageManifest =>
            changed(({ contents }) => {
                if (contents?.packages)
                    contents.packages.packages = list.map((one) => ({ ...one, architecture: "all" }));
            });
        fc.assert(
            fc.property(packages, packages, (old, now) => {
                const there = changelogOf(withPackages(old), withPackages(now)).packages;
                const back = changelogOf(withPackages(now), withPackages(old)).packages;
                expect(there.added).to.deep.equal(back.removed);
                expect(there.upgraded.map(({ name }) => name)).to.deep.equal(
                    back.downgraded.map(({ name }) => name),
                );
                const same = old.filter((one) =>
                    now.some((other) => other.name === one.name && other.version === one.version),
                );
                const told = Object.values(there).flat().length;
                expect(told).to.equal(new Set([...old, ...now].map(({ name }) => name)).size - same.length);
            }),
            { numRuns: 300 },
        );
    });
});

describe("the report of an image", () => {
    const checks: ImageCheck[] = [
        { id: "gpt.present", verdict: "passed", seen: "512-byte sectors", message: "" },
        {
            id: "ubuntu.efi-label",
            verdict: "failed",
            severity: "warning",
            seen: "1",
            message: "is not labelled",
        },
        {
            id: "root.kernel",
            verdict: "failed",
            seen: "5.15",
            message: "must be >= 6.8: update <it> [now](http://x)",
        },
        { id: "ubuntu.drivers", verdict: "not-checked", seen: "none", message: "name the devices" },
    ];

    it("begins with the verdict, then what failed and what to do, and folds what passed", () => {
        const text = reportMarkdown("ubuntu.raw.gz", INSPECTION, checks);
        const order = [
            "## ❌ ubuntu.raw.gz: 1 of 3 checks failed, 1 warning, 1 not checked",
            "Ubuntu 24.04.2 LTS · x86\\_64 · kernel 6.8.0-41-generic · 5 packages · raw in gz, 700 MiB, disk of 4 GiB",
            "### Failed\n\n- **root.kernel**: must be",
            "### Warnings\n\n- **ubuntu.efi-label**",
            "### Not checked\n\n- **ubuntu.drivers**",
            "<details><summary>Passed (1)</summary>\n\n- gpt.present: 512-byte sectors",
        ].map((part) => text.indexOf(part));
        expect(order).to.not.include(-1);
        expect(order).to.deep.equal([...order].sort((a, b) => a - b));
    });

    it("shows nothing of an image as Markdown or HTML of its own", () => {
        const text = reportMarkdown("x", INSPECTION, checks);
        expect(text).to.contain("update \\<it\\> \\[now\\](http://x)");
    });

    it("counts in words that fit", () => {
        const [passed] = checks;
        expect(verdictLine(passed ? [passed] : [])).to.equal("1 check passed");
        expect(verdictLine(checks.slice(0, 2))).to.equal("1 check passed, 1 warning");
    });

    it("is cut at a line where it is too long", () => {
        const cut = boundedText("line\n".repeat(1000), 300);
        expect(cut.length).to.be.at.most(300);
        expect(cut).to.match(/^(line\n)+\n… cut; run `edge-os verify`/);
        expect(boundedText("short", 300)).to.equal("short");
    });
});

import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { programsOf, typeFaults } from "../../support/guide";
import { importImage, imsConfig } from "../../support/ims";
import { needsImageRoots } from "../../support/imageRoot";
import { publicKey } from "../../support/sshKeys";
import { stackUnderTest } from "../../support/stack";

const GUIDE = "docs/ims.md";

/** Files beside a program. */
const FILES: Readonly<Record<string, string>> = {
    "files/chrony.conf": "server ntp.example.com\n",
    "setup.sh": "#!/bin/sh\n",
    ...{ "build/rootfs.sqsh": "hsqs", "build/vmlinuz": "a kernel\n", "build/initrd": "an initrd\n" },
    "operators.pub": `${publicKey("ssh-ed25519")} operators@example.com\n`,
};

describe(`the programs of ${GUIDE}`, function () {
    this.timeout(60_000);
    const programs = programsOf(GUIDE);
    let lab: Lab;

    before(async function () {
        needsImageRoots(this);
        lab = await startLab({ emf: false, images: false, ims: true });
        await importImage(lab.ims, "cos-3.1-compute");
    });
    after(() => lab.close());

    it("are there, and each is whole", () => {
        expect(programs).to.have.lengthOf.at.least(5);
        for (const { source } of programs) expect(source).to.match(/^import /);
    });

    it("are what the package's types allow", () => {
        expect(typeFaults(programs)).to.deep.equal([]);
    });

    for (const { line, compiled } of programs) {
        it(`the one on line ${line} previews against an IMS`, async () => {
            const { clientSecret, ...open } = imsConfig(lab.ims);
            await using stack = stackUnderTest({
                program: { source: compiled },
                config: { "edge-os:ims": open },
                env: { EDGE_OS_IMS_CLIENT_SECRET: clientSecret },
            });
            for (const [name, text] of Object.entries(FILES)) {
                const file = path.join(stack.dir, name);
                fs.mkdirSync(path.dirname(file), { recursive: true });
                fs.writeFileSync(file, text);
            }
            const { exitCode, stdout, diagnostics, changes } = await stack.preview();
            expect(exitCode, stdout).to.equal(0);
            expect(diagnostics.filter(({ severity }) => severity !== "info")).to.deep.equal([]);
            expect(changes.create ?? 0).to.be.at.least(1);
            expect(lab.ims.calls().writes, "writes in a preview").to.equal(0);
        });
    }
});

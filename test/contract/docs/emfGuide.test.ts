import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { HOSTS_CSV_HEADER } from "../../../components/hostsCsv";
import { startLab, type Lab } from "../../../lab";
import { programsOf, typeFaults } from "../../support/guide";
import { PROFILE } from "../../support/traps";
import { publicKey } from "../../support/sshKeys";
import { stackUnderTest } from "../../support/stack";

const GUIDE = "docs/emf.md";

/** Files beside a program. */
const FILES: Readonly<Record<string, string>> = {
    "hosts.csv": `${HOSTS_CSV_HEADER.join(",")}\nSN00001\nSN00002,,,,,,line=4\nSN00003\n`,
    "operators.pub": `${publicKey("ssh-ed25519")} operators@example.com\n`,
    "proxy.yaml": "#cloud-config\napt: { http_proxy: http://proxy.example.com:3128 }\n",
};

describe(`the programs of ${GUIDE}`, () => {
    const programs = programsOf(GUIDE);
    let lab: Lab;
    before(async () => {
        lab = await startLab({ images: false });
        await lab.emf.create("sites", { name: "store-17" });
        for (const [i, name] of ["ubuntu-edge-24.04.1", "ubuntu-edge-24.04.2"].entries()) {
            const imageUrl = `https://images.example.com/${name}.raw.gz`;
            await lab.emf.create("compute/os", { ...PROFILE, name, imageUrl, sha256: String(i).repeat(64) });
        }
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
        it(`the one on line ${line} previews against an EMF`, async () => {
            const { endpoint, keycloak, project, username, password, caFile } = lab.emf;
            await using stack = stackUnderTest({
                program: { source: compiled },
                config: { "edge-os:emf": { endpoint, keycloak, project, username, caFile } },
                env: { EDGE_OS_EMF_PASSWORD: password },
            });
            for (const [name, text] of Object.entries(FILES))
                fs.writeFileSync(path.join(stack.dir, name), text);
            const { exitCode, stdout, diagnostics, changes } = await stack.preview();
            expect(exitCode, stdout).to.equal(0);
            expect(diagnostics.filter(({ severity }) => severity === "error")).to.deep.equal([]);
            expect(changes.create ?? 0).to.be.at.least(1);
        });
    }
});

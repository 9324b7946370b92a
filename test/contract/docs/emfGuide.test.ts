import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import * as ts from "typescript";
import { HOSTS_CSV_HEADER } from "../../../components/hostsCsv";
import { startLab, type Lab } from "../../../lab";
import { PROFILE } from "../../support/traps";
import { publicKey } from "../../support/sshKeys";
import { stackUnderTest } from "../../support/stack";

const ROOT = path.resolve(__dirname, "../../..");
const GUIDE = "docs/emf.md";

/** Programs of a guide, by the line on which they begin. */
function programsOf(guide: string): { line: number; source: string }[] {
    const text = fs.readFileSync(path.join(ROOT, guide), "utf8");
    return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((block) => ({
        line: text.slice(0, block.index).split("\n").length,
        source: block[1] ?? "",
    }));
}

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
        fs.mkdirSync(path.join(ROOT, ".test"), { recursive: true });
        const dir = fs.mkdtempSync(path.join(ROOT, ".test", "guide-"));
        try {
            const files = programs.map(({ line, source }) => {
                const file = path.join(dir, `line-${line}.ts`);
                fs.writeFileSync(file, source);
                return file;
            });
            const program = ts.createProgram(files, {
                module: ts.ModuleKind.Node16,
                moduleResolution: ts.ModuleResolutionKind.Node16,
                target: ts.ScriptTarget.ES2022,
                strict: true,
                noEmit: true,
                skipLibCheck: true,
                types: ["node"],
            });
            const faults = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
                return `${path.basename(file?.fileName ?? "")}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
            });
            expect(faults).to.deep.equal([]);
        } finally {
            fs.rmSync(dir, { recursive: true });
        }
    });

    for (const { line, source } of programs) {
        it(`the one on line ${line} previews against an EMF`, async () => {
            const { endpoint, keycloak, project, username, password, caFile } = lab.emf;
            const { outputText } = ts.transpileModule(source, {
                compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
            });
            await using stack = stackUnderTest({
                program: { source: outputText },
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

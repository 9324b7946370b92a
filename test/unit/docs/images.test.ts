import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import * as ts from "typescript";

const ROOT = path.join(__dirname, "../../..");
const SOURCES = path.join(ROOT, "provider/image");
const PREFIXES = "container|gpt|esp|root|os|expect|secureboot|boot|fit";

/** Ids that are written out in the code; those of presets stand in the report with all that is to be said of them. */
function idsInCode(): Set<string> {
    const files = fs
        .readdirSync(SOURCES, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
        .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8"));
    const pattern = new RegExp(`"((?:${PREFIXES})\\.[a-zA-Z0-9-]+)"`, "g");
    return new Set(files.flatMap((text) => [...text.matchAll(pattern)].map(([, id = ""]) => id)));
}

describe("docs/images.md", () => {
    const text = fs.readFileSync(path.join(ROOT, "docs/images.md"), "utf8");

    it("names every check there is, and none that there is not", () => {
        const named = new Set(
            [...text.matchAll(new RegExp(`\`((?:${PREFIXES})\\.[a-zA-Z0-9-]+)\``, "g"))].map(
                ([, id = ""]) => id,
            ),
        );
        expect([...named].sort()).to.deep.equal([...idsInCode()].sort());
    });

    it("has programs that compile", () => {
        const programs = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
        expect(programs).to.not.have.lengthOf(0);
        for (const [i, code] of programs.entries()) {
            const file = path.join(ROOT, `docs-example-${i}.ts`);
            const options = {
                ...{ strict: true, noEmit: true, skipLibCheck: true, types: [] },
                ...{ module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
                ...{ target: ts.ScriptTarget.ES2022 },
            };
            const host = ts.createCompilerHost(options);
            const disk = ts.createCompilerHost(options);
            host.fileExists = (name) => name === file || disk.fileExists(name);
            host.readFile = (name) => (name === file ? code : disk.readFile(name));
            const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
            expect(
                found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")),
            ).to.deep.equal([]);
        }
    }).timeout(60_000);
});

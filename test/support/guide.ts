import * as fs from "node:fs";
import * as path from "node:path";
import * as ts from "typescript";

const ROOT = path.resolve(__dirname, "../..");

/** A program in a guide. */
export interface GuideProgram {
    /** On which it begins. */
    readonly line: number;
    readonly source: string;
    /** As an `index.js`. */
    readonly compiled: string;
}

/** Programs of a guide, in their order. */
export function programsOf(guide: string): GuideProgram[] {
    const text = fs.readFileSync(path.join(ROOT, guide), "utf8");
    return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((block) => {
        const source = block[1] ?? "";
        const { outputText } = ts.transpileModule(source, {
            compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
        });
        return { line: text.slice(0, block.index).split("\n").length, source, compiled: outputText };
    });
}

/** What the package's types do not allow in the programs. */
export function typeFaults(programs: readonly GuideProgram[]): string[] {
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
        return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
            return `${path.basename(file?.fileName ?? "")}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
        });
    } finally {
        fs.rmSync(dir, { recursive: true });
    }
}

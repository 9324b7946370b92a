import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { programsOf, typeFaults } from "./guide";
import { stackUnderTest } from "./stack";

/** What the programs of a guide find around them. */
export interface GuideSite {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly env?: Readonly<Record<string, string | undefined>>;
    /** Looked at after each preview. */
    readonly afterPreview?: () => void;
}

export interface Guide {
    /** `docs/emf.md` */
    readonly file: string;
    /** At least so many programs are in it. */
    readonly programs: number;
    /** Files beside a program. */
    readonly files: Readonly<Record<string, string>>;
    /** Called for each program, when the servers of the suite run. */
    readonly site: () => GuideSite;
    /** Severities that a reader who copies a program may see. Default: none but `info`. */
    readonly allowed?: readonly string[];
}

/** The tests that every guide's programs pass: they are whole, of the package's types, and preview without a fault. */
export function testGuidePrograms({ file, programs: least, files, site, allowed = [] }: Guide): void {
    const programs = programsOf(file);

    it("are there, and each is whole", () => {
        expect(programs).to.have.lengthOf.at.least(least);
        for (const { source } of programs) expect(source).to.match(/^import /);
    });

    it("are what the package's types allow", () => {
        expect(typeFaults(programs)).to.deep.equal([]);
    });

    for (const { line, compiled } of programs) {
        it(`the one on line ${line} previews`, async () => {
            const { config = {}, env = {}, afterPreview } = site();
            await using stack = stackUnderTest({ program: { source: compiled }, config, env });
            for (const [name, text] of Object.entries(files)) writeBeside(stack.dir, name, text);
            const { exitCode, stdout, diagnostics, changes } = await stack.preview();
            expect(exitCode, stdout).to.equal(0);
            const unwanted = diagnostics.filter(
                ({ severity }) => severity !== "info" && !allowed.includes(severity),
            );
            expect(unwanted).to.deep.equal([]);
            expect(changes.create ?? 0).to.be.at.least(1);
            afterPreview?.();
        });
    }
}

function writeBeside(dir: string, name: string, text: string): void {
    const file = path.join(dir, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
}

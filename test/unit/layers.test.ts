import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import * as ts from "typescript";

const ROOT = path.resolve(__dirname, "../..");

/** Who may import whom, types included; every folder also itself. */
const TOP: Readonly<Record<string, readonly string[]>> = {
    provider: [],
    components: ["provider"],
    cli: ["provider", "components"],
    // Stand-ins that shared code with what they stand opposite to would share its mistakes.
    lab: [],
};

/** Folders below `provider` that know no outside system. */
const COMMON = ["gate", "http", "kubernetes", "oci", "process", "qemu", "resource", "s3", "settings", "ssh"];
const SYSTEMS = ["canvos", "emf", "image", "ims", "palette"];

interface Import {
    readonly to: string;
    /** Gone when it is compiled. */
    readonly isType: boolean;
}

/** The imports of each file: paths below the root for files of the project, names for packages. */
const imports = new Map<string, Import[]>();

describe("the layers of the code", () => {
    before(function () {
        this.timeout(60_000);
        for (const folder of Object.keys(TOP)) readFolder(folder);
    });

    it("import only what lies below them", () => {
        const wrong = edges().filter(([from, { to }]) => {
            const [own, other] = [topOf(from), topOf(to)];
            return isOurs(to) && own !== other && !TOP[own]?.includes(other);
        });
        expect(wrong.map(shown)).to.deep.equal([]);
    });

    it("know no outside system where they serve all of them", () => {
        const wrong = edges().filter(
            ([from, { to }]) => COMMON.includes(partOf(from)) && SYSTEMS.includes(partOf(to)),
        );
        expect(wrong.map(shown)).to.deep.equal([]);
        const upwards = edges().filter(
            ([from, { to }]) => partOf(from) === "resource" && isOurs(to) && partOf(to) !== "resource",
        );
        expect(upwards.map(shown), "how a resource is written").to.deep.equal([]);
    });

    it("load no Pulumi module on the provider's side, which runs in a unit test as plain functions", () => {
        const handlers = [...imports.keys()].filter((file) => file.endsWith(".handler.ts"));
        expect(handlers).to.have.lengthOf.above(15);
        const loaded = reachable(handlers);
        const wrong = edges().filter(
            ([from, { to, isType }]) => loaded.has(from) && !isType && to.startsWith("@pulumi/"),
        );
        expect(wrong.map(shown)).to.deep.equal([]);
    });

    it("have no circles of files that load each other", () => {
        const circles = [...imports.keys()].filter((file) => reachable(loadedBy(file)).has(file));
        expect(circles).to.deep.equal([]);
    });
});

function readFolder(folder: string): void {
    const files = fs.readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" });
    for (const name of files.filter((file) => file.endsWith(".ts"))) {
        const file = path.join(folder, name);
        imports.set(file, importsOf(file));
    }
}

/** Imports that are written out; one inside of a function is made when it is called, so it closes no circle. */
function importsOf(file: string): Import[] {
    const text = fs.readFileSync(path.join(ROOT, file), "utf8");
    return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022).statements.flatMap((statement) => {
        if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
        const { moduleSpecifier } = statement;
        if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier)) return [];
        const isType = ts.isImportDeclaration(statement) ? importsTypes(statement) : statement.isTypeOnly;
        return [{ to: resolved(file, moduleSpecifier.text), isType }];
    });
}

function importsTypes({ importClause }: ts.ImportDeclaration): boolean {
    if (!importClause) return false;
    const { phaseModifier, name, namedBindings } = importClause;
    if (phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
    const isNamed = namedBindings && ts.isNamedImports(namedBindings);
    return !name && isNamed === true && namedBindings.elements.every((element) => element.isTypeOnly);
}

function resolved(from: string, specifier: string): string {
    if (!specifier.startsWith(".")) return specifier;
    const target = path.join(path.dirname(from), specifier);
    const candidates = [`${target}.ts`, path.join(target, "index.ts")];
    return candidates.find((file) => fs.existsSync(path.join(ROOT, file))) ?? target;
}

function edges(): [from: string, Import][] {
    return [...imports].flatMap(([from, all]) => all.map((one): [string, Import] => [from, one]));
}

function loadedBy(file: string): string[] {
    return (imports.get(file) ?? []).filter(({ isType }) => !isType).map(({ to }) => to);
}

function reachable(start: readonly string[]): Set<string> {
    const seen = new Set<string>();
    const left = [...start];
    for (let file = left.pop(); file !== undefined; file = left.pop()) {
        if (seen.has(file)) continue;
        seen.add(file);
        left.push(...loadedBy(file));
    }
    return seen;
}

function isOurs(target: string): boolean {
    return target.endsWith(".ts");
}

function topOf(file: string): string {
    return file.split(path.sep)[0] ?? "";
}

/** `emf` of `provider/emf/region.ts`. */
function partOf(file: string): string {
    const [top, part, ...rest] = file.split(path.sep);
    return top === "provider" && rest.length > 0 ? (part ?? "") : "";
}

function shown([from, { to }]: [string, Import]): string {
    return `${from} imports ${to}`;
}

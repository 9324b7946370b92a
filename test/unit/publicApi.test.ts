import * as path from "node:path";
import { expect } from "chai";
import * as ts from "typescript";

const ROOT = path.resolve(__dirname, "../..");

/** What a program can import, by its name there: `emf.EdgeHostArgs`. */
const exported = new Map<string, ts.Symbol>();
let checker: ts.TypeChecker;

describe("what programs import", () => {
    before(function () {
        this.timeout(120_000);
        const { config } = ts.readConfigFile(path.join(ROOT, "tsconfig.json"), (file) =>
            ts.sys.readFile(file),
        ) as {
            config: { compilerOptions: object };
        };
        const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
        const index = path.join(ROOT, "index.ts");
        const program = ts.createProgram([index], { ...options, noEmit: true, skipLibCheck: true });
        checker = program.getTypeChecker();
        const file = program.getSourceFile(index);
        const module = file && checker.getSymbolAtLocation(file);
        if (module) collect(module, "");
        expect([...exported.keys()]).to.include.members(["emf.EdgeHost", "canvos.ApplianceImageArgs"]);
    });

    it("has a description, and so has each of its inputs and outputs", () => {
        const bare = members()
            .filter(({ symbol }) => !isDescribed(symbol))
            .filter(({ name }) => !isDescribed(inputOf(name)))
            .map(({ name }) => name);
        expect(bare).to.deep.equal([]);
    });

    it("names no type that a program cannot import", () => {
        const known = new Set(exported.values());
        const missing = new Set<string>();
        for (const [name, symbol] of exported) {
            for (const used of typesNamedBy(symbol))
                if (!known.has(used)) missing.add(`${used.name} of ${name}`);
        }
        expect([...missing].sort()).to.deep.equal([]);
    });
});

function collect(module: ts.Symbol, prefix: string): void {
    for (const symbol of checker.getExportsOfModule(module)) {
        const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
        if (target.flags & ts.SymbolFlags.ValueModule) collect(target, `${prefix}${symbol.name}.`);
        // The names at the top are those of a system once more.
        else if (prefix !== "") exported.set(prefix + symbol.name, target);
    }
}

/** Everything that is exported, and the public members of its classes and of the arguments' interfaces. */
function members(): { name: string; symbol: ts.Symbol }[] {
    return [...exported].flatMap(([name, symbol]) => [
        { name, symbol },
        ...[...(symbol.members?.values() ?? [])]
            .filter((member) => isPublic(member) && isNamed(member))
            .map((member) => ({ name: `${name}.${member.name}`, symbol: member })),
    ]);
}

function isDescribed(symbol: ts.Symbol | undefined): boolean {
    return symbol !== undefined && symbol.getDocumentationComment(checker).length > 0;
}

/** The input that an output has its name from: `emf.EdgeHostArgs.serial` of `emf.EdgeHost.serial`. */
function inputOf(name: string): ts.Symbol | undefined {
    const end = name.lastIndexOf(".");
    const args = exported.get(`${name.slice(0, end)}Args`);
    return args && checker.getPropertyOfType(checker.getDeclaredTypeOfSymbol(args), name.slice(end + 1));
}

function isNamed({ name, flags }: ts.Symbol): boolean {
    return (
        !name.startsWith("__") &&
        (flags & (ts.SymbolFlags.Property | ts.SymbolFlags.Method | ts.SymbolFlags.Accessor)) !== 0
    );
}

function isPublic({ declarations = [] }: ts.Symbol): boolean {
    const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
    return declarations.every((node) => (ts.getCombinedModifierFlags(node) & hidden) === 0);
}

/** Types of this project in the signatures of a symbol; what is private in it, and bodies, are nobody's. */
function typesNamedBy(symbol: ts.Symbol): ts.Symbol[] {
    const found: ts.Symbol[] = [];
    const visit = (node: ts.Node): void => {
        if (ts.isBlock(node)) return;
        if (ts.isClassElement(node) && !isPublicNode(node)) return;
        if (ts.isTypeReferenceNode(node)) note(node.typeName);
        if (ts.isExpressionWithTypeArguments(node) && ts.isInterfaceDeclaration(node.parent.parent))
            note(node.expression);
        ts.forEachChild(node, visit);
    };
    const note = (node: ts.Node): void => {
        const named = checker.getSymbolAtLocation(node);
        if (!named) return;
        const target = named.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(named) : named;
        // An alias that is not exported is written out in the declarations.
        if (target.flags & (ts.SymbolFlags.TypeParameter | ts.SymbolFlags.TypeAlias)) return;
        if (target.declarations?.some((each) => isOurs(each.getSourceFile().fileName))) found.push(target);
    };
    symbol.declarations?.forEach(visit);
    return found;
}

function isPublicNode(node: ts.ClassElement): boolean {
    return (
        (ts.getCombinedModifierFlags(node) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) === 0
    );
}

function isOurs(file: string): boolean {
    const place = path.relative(ROOT, file);
    return !place.startsWith("..") && !place.startsWith("node_modules");
}

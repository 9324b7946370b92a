import { Condition } from "./earthfile.condition";

/** Instructions of an Earthfile by target; those before the first one under an empty name. */
export type Recipes = ReadonlyMap<string, readonly string[]>;

/** What builds pull, as far as it can be told without one. */
export interface PulledImages {
    /** References, sorted. */
    images: readonly string[];
    /** The base image of the systems; empty where only a build can tell. */
    base: string;
}

type Variables = Readonly<Record<string, string>>;
/** Values of variables; undefined where only a build can tell. */
type Scope = Map<string, string | undefined>;

/** Reads the recipes: lines that go on are one, comments are none. */
export function readRecipes(text: string): Recipes {
    const recipes = new Map<string, string[]>([["", []]]);
    let current = recipes.get("") ?? [];
    const lines = text
        .split(/\r?\n/)
        .filter((line) => !/^\s*#/.test(line))
        .join("\n")
        .replace(/\\[ \t]*\n/g, " ")
        .split("\n");
    for (const line of lines) {
        const [, target] = /^([A-Za-z][\w-]*):\s*$/.exec(line) ?? [];
        if (target !== undefined) {
            current = [];
            recipes.set(target, current);
        } else if (line.trim() !== "") current.push(line.trim());
    }
    return recipes;
}

/** The images that these targets are made from, on the branches that the variables lead to. */
export function imagesOf(recipes: Recipes, targets: readonly string[], variables: Variables): PulledImages {
    const walk = new Walk(recipes, variables);
    for (const target of targets) walk.visit(target, {});
    return { images: [...walk.images].sort(), base: walk.base };
}

class Walk {
    readonly images = new Set<string>();
    private readonly given: Variables;
    private readonly global: Scope = new Map();
    private readonly seen = new Set<string>();

    constructor(
        private readonly recipes: Recipes,
        variables: Variables,
    ) {
        const architecture = variables.ARCH ?? "amd64";
        this.given = { TARGETOS: "linux", TARGETARCH: architecture, ...variables };
        this.run(recipes.get("") ?? [], this.global, {});
    }

    get base(): string {
        return this.global.get("BASE_IMAGE") ?? "";
    }

    visit(target: string, args: Variables): void {
        const recipe = this.recipes.get(target);
        const key = JSON.stringify([target, args]);
        if (!recipe || this.seen.has(key)) return;
        this.seen.add(key);
        this.run(recipe, new Map([...this.global, ...Object.entries(args)]), args);
    }

    private run(recipe: readonly string[], scope: Scope, args: Variables): void {
        const condition = new Condition((text) => expand(text, scope));
        for (const line of recipe) {
            if (condition.take(line)) {
                const [, variable] = /^FOR\s+(?:--\S+\s+)*(\w+)\s+IN\b/.exec(line) ?? [];
                if (variable !== undefined) scope.set(variable, undefined);
                continue;
            }
            if (condition.holds === false) continue;
            this.set(line, scope, args, condition.holds === true);
            this.pull(line, scope);
            this.follow(line, scope);
        }
    }

    private set(line: string, scope: Scope, args: Variables, isSure: boolean): void {
        const [, word, name = "", text] =
            /^(ARG|LET|SET)\s+(?:--\w+\s+)*(\w+)\s*(?:=\s*(.*))?$/.exec(line) ?? [];
        if (word === undefined) return;
        const given = word === "ARG" ? (args[name] ?? this.given[name]) : undefined;
        const value = given ?? (text === undefined ? (scope.get(name) ?? "") : expand(unquoted(text), scope));
        scope.set(name, isSure || scope.get(name) === value ? value : undefined);
    }

    private pull(line: string, scope: Scope): void {
        const [, rest = ""] = /^FROM\s+(.*)$/.exec(line) ?? [];
        const [reference = ""] = rest.split(/\s+/).filter((word) => !word.startsWith("--"));
        // CanvOS's Dockerfile begins with the image that it is told.
        const named =
            reference === "DOCKERFILE" ? (/--build-arg BASE=(\S+)/.exec(rest)?.[1] ?? "") : reference;
        const image = expand(unquoted(named), scope);
        if (image !== undefined && image !== "" && image !== "scratch" && !image.startsWith("+"))
            this.images.add(image);
    }

    /** To the targets that an instruction takes something from. */
    private follow(line: string, scope: Scope): void {
        if (!/^(FROM|BUILD|COPY|DO)\s/.test(line)) return;
        const args: Record<string, string> = {};
        for (const [, name = "", text = ""] of line.matchAll(/\s--([A-Z]\w*)=([^\s)]+)/g)) {
            const value = expand(unquoted(text), scope);
            if (value !== undefined) args[name] = value;
        }
        for (const [, name = ""] of line.matchAll(/(?:^|[\s(])\+([\w$-]+)/g)) {
            const target = expand(name, scope);
            if (target !== undefined) this.visit(target, args);
        }
    }
}

function expand(text: string, scope: ReadonlyMap<string, string | undefined>): string | undefined {
    let isKnown = !text.includes("$(");
    const expanded = text.replace(
        /\$(?:\{(\w+)\}|(\w+)|\{[^}]*\})/g,
        (_whole, braced?: string, plain?: string) => {
            const name = braced ?? plain;
            const value = name !== undefined && scope.has(name) ? scope.get(name) : name && "";
            isKnown &&= value !== undefined;
            return value ?? "";
        },
    );
    return isKnown ? expanded : undefined;
}

function unquoted(text: string): string {
    return text.trim().replace(/^(["'])(.*)\1$/, "$2");
}

/** Images that `earthly.sh` starts itself, with its own values for what is not given. */
export function scriptImages(text: string, variables: Variables): string[] {
    const plain = text.replace(/["']/g, "");
    const values: Scope = new Map();
    for (const [, name = "", value = ""] of plain.matchAll(/^\s*([A-Z][A-Z0-9_]*)=([^\s$`(]+)\s*$/gm))
        values.set(name, value);
    for (const [name, value] of Object.entries(variables)) values.set(name, value);
    const named = plain.match(/\$\{?SPECTRO_PUB_REPO\}?\/[\w./-]+:(?:\$\{?\w+\}?|[\w.-]+)/g) ?? [];
    const hasProxy = Boolean(variables.HTTP_PROXY) || Boolean(variables.HTTPS_PROXY);
    return (
        named
            .map((each) => expand(each, values) ?? "")
            // It is started beside Earthly for builds behind a proxy only.
            .filter((each) => each !== "" && (hasProxy || !each.includes("/buildkitd:")))
    );
}

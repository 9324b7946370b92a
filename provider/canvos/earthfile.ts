import { readRecipes, type Recipes } from "./earthfile.images";

/** What a CanvOS checkout's `Earthfile` says about its builds. */
export interface Earthfile {
    /** Defaults of the arguments that it declares at the top; undefined for those without one. */
    defaults: ReadonlyMap<string, string | undefined>;
    /** Every argument that it declares anywhere: others are ignored by a build without a word. */
    declared: ReadonlySet<string>;
    targets: ReadonlySet<string>;
    recipes: Recipes;
    /** Kubernetes versions written into the build lines, before there was a `k8s_version.json`. */
    writtenVersions: readonly string[];
}

const ARGUMENT = /^\s*ARG\s+(?:--\w+\s+)*([A-Za-z_][A-Za-z0-9_]*)(?:=(.*?))?\s*$/;
const TARGET = /^([a-z][a-z0-9-]*):\s*$/;
const WRITTEN_VERSION = /^\s*BUILD\s+.*--K8S_VERSION=(\d+\.\d+\.\d+)\b/;

export function readEarthfile(text: string): Earthfile {
    const defaults = new Map<string, string | undefined>();
    const declared = new Set<string>();
    const targets = new Set<string>();
    const writtenVersions = new Set<string>();
    for (const line of text.split(/\r?\n/)) {
        const [, target] = TARGET.exec(line) ?? [];
        if (target !== undefined) targets.add(target);
        const [, written] = WRITTEN_VERSION.exec(line) ?? [];
        if (written !== undefined) writtenVersions.add(written);
        const [, name, value] = ARGUMENT.exec(line) ?? [];
        if (name === undefined) continue;
        declared.add(name);
        // Indented ones depend on a condition, or belong to one target.
        if (targets.size === 0 && !/^\s/.test(line)) defaults.set(name, value?.replace(/^"(.*)"$/, "$1"));
    }
    return {
        ...{ defaults, declared, targets, recipes: readRecipes(text) },
        writtenVersions: [...writtenVersions],
    };
}

/** Default of an argument, with what it refers to taken from `variables` first. */
export function defaultOf(
    earthfile: Earthfile,
    name: string,
    variables: Readonly<Record<string, string>>,
    seen: readonly string[] = [],
): string {
    const given = variables[name];
    if (given !== undefined) return given;
    if (seen.includes(name)) return "";
    return (earthfile.defaults.get(name) ?? "").replace(
        /\$(?:\{(\w+)\}|(\w+))/g,
        (_whole, braced?: string, plain?: string) =>
            defaultOf(earthfile, braced ?? plain ?? "", variables, [...seen, name]),
    );
}

/** Names of variables that a checkout's `earthly.sh` works with. */
export function scriptVariables(text: string): ReadonlySet<string> {
    return new Set(text.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]*)*/g));
}

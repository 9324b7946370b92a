import type { AnyResource } from "./resource/definition";

interface Kinds {
    kinds: readonly AnyResource[];
}

/* eslint-disable @typescript-eslint/no-require-imports --
   `require` and not `import()`: it is the one way to load late that the build and ts-node both resolve. */
/** Each system's kinds, loaded on first use: a program with hosts only never loads the image library. */
const SYSTEMS: Readonly<Record<string, () => Kinds>> = {
    canvos: () => require("./canvos/kinds") as Kinds,
    emf: () => require("./emf/kinds") as Kinds,
    image: () => require("./image/kinds") as Kinds,
    ims: () => require("./ims/kinds") as Kinds,
    palette: () => require("./palette/kinds") as Kinds,
};
/* eslint-enable @typescript-eslint/no-require-imports */

/** The definition of a kind, `emf.Region`. */
export function loadDefinition(kind: string): AnyResource {
    const system = kind.split(".")[0] ?? "";
    const definition = SYSTEMS[system]?.().kinds.find((candidate) => candidate.kind === kind);
    if (!definition) {
        throw new Error(
            `this version of pulumi-edge-os has no resource ${kind}; a newer one made it: update the package`,
        );
    }
    return definition;
}

export function loadAllDefinitions(): AnyResource[] {
    return Object.values(SYSTEMS).flatMap((load) => load().kinds);
}

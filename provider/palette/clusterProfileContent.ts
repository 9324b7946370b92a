import { isDeepStrictEqual } from "node:util";
import type { Problem } from "../resource/problem";
import { isKnown, type Checked } from "../resource/unknown";
import type { ProfileInputs, ProfilePackInput, ProfileVariableInput } from "./clusterProfile.schema";
import { variablesIn } from "./packValues";
import { kubernetesPackOf, osPackOf } from "./systemUri";

/** What makes up the content of a version. */
export type ProfileContent = Pick<ProfileInputs, "type" | "cloud" | "packs" | "variables" | "packUids">;

/** Rules that need nothing but the program. */
export function profileRules({ packs, variables }: Checked<ProfileInputs>): Problem[] {
    const problems: Problem[] = [];
    if (isKnown(variables)) {
        problems.push(
            ...twice(variables ?? []).map((i) => ({ path: ["variables", i, "name"], message: TWICE })),
        );
    }
    if (!isKnown(packs)) return problems;
    problems.push(...twice(packs).map((i) => ({ path: ["packs", i, "name"], message: `${TWICE}${PREFIX}` })));
    if (isKnown(variables)) problems.push(...undeclared(packs, variables ?? []));
    const mismatch = kubernetesMismatch(packs);
    return mismatch ? [...problems, mismatch] : problems;
}

const TWICE = "is there twice";
const PREFIX = ": give the second one a prefix, such as second--edge-k8s";

function twice(named: readonly { readonly name: string }[]): number[] {
    return named.flatMap(({ name }, i) => (named.findIndex((other) => other.name === name) < i ? [i] : []));
}

/** Palette answers `PackVariablesUndefined`, and only once everything before is done. */
function undeclared(
    packs: readonly ProfilePackInput[],
    variables: readonly ProfileVariableInput[],
): Problem[] {
    const declared = new Set(variables.map(({ name }) => name));
    return packs.flatMap(({ values = "", overrides = "", manifests = [] }, i) => {
        const texts = [values, overrides, ...manifests.map(({ content }) => content)];
        const missing = variablesIn(texts.join("\n")).filter((name) => !declared.has(name));
        if (missing.length === 0) return [];
        const names = missing.join(", ");
        return [{ path: ["packs", i], message: `uses the variables ${names}: declare them in variables` }];
    });
}

function kubernetesMismatch(packs: readonly ProfilePackInput[]): Problem | undefined {
    const inside = osPackOf(packs)?.kubernetesVersions;
    const kubernetes = kubernetesPackOf(packs);
    if (!inside || kubernetes?.tag === undefined || inside.includes(kubernetes.tag)) return undefined;
    return {
        path: ["packs", packs.indexOf(kubernetes), "tag"],
        message:
            `is ${kubernetes.tag}, which is not inside the image: it has Kubernetes ${inside.join(", ") || "none"}. ` +
            "Use one of those, or build the image with this version",
    };
}

/** What changes clusters would never notice, in words. */
export function contentChanges(before: ProfileContent, after: ProfileContent): string[] {
    const changes: string[] = [];
    for (const field of ["type", "cloud"] as const) {
        if (before[field] !== after[field]) {
            changes.push(`${field}: ${before[field] ?? ""} becomes ${after[field] ?? ""}`);
        }
    }
    changes.push(...packChanges(before, after));
    const variables = (list: ProfileContent["variables"]): unknown =>
        (list ?? []).map((variable) => plain(withoutSecret(variable)));
    if (!isDeepStrictEqual(variables(before.variables), variables(after.variables)))
        changes.push("variables");
    return changes;
}

/** Packs that are others than before, or have other contents; spelling does not count. */
export function packChanges(before: ProfileContent, after: ProfileContent): string[] {
    const changes = after.packs.flatMap((pack) => {
        const former = before.packs.find(({ name }) => name === pack.name);
        if (!former) return [`pack ${pack.name} is new`];
        const what = changedParts(former, pack, [before.packUids[pack.name], after.packUids[pack.name]]);
        return what.length === 0 ? [] : [`pack ${pack.name}: ${what.join(", ")}`];
    });
    const names = after.packs.map(({ name }) => name);
    for (const { name } of before.packs) if (!names.includes(name)) changes.push(`pack ${name} goes`);
    const isReordered = changes.length === 0 && before.packs.map(({ name }) => name).join() !== names.join();
    return isReordered ? ["order of the packs"] : changes;
}

function changedParts(
    former: ProfilePackInput,
    pack: ProfilePackInput,
    [formerUid = "", uid = ""]: readonly [string | undefined, string | undefined],
): string[] {
    const parts: string[] = [];
    if (former.tag !== pack.tag) parts.push(`version ${former.tag ?? ""} becomes ${pack.tag ?? ""}`);
    else if (formerUid !== uid || (uid === "" && former.registry !== pack.registry)) parts.push("registry");
    for (const part of ["values", "overrides", "manifests"] as const) {
        if (!isDeepStrictEqual(plain(former[part]), plain(pack[part]))) parts.push(part);
    }
    return parts;
}

/** A sensitive default can be given anew at any time. */
export function withoutSecret(variable: ProfileVariableInput): ProfileVariableInput {
    const { default: value, ...rest } = variable;
    return rest.sensitive === true ? rest : { ...rest, default: value };
}

/** The state forgets what is undefined. */
function plain(value: unknown): unknown {
    return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

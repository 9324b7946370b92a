import { isDeepStrictEqual } from "node:util";
import type { ProfileVariableInput } from "./clusterProfile.schema";
import { descriptionChange, type Described, type Description } from "./description";
import { trimmed } from "./packValues";
import type { PackRequest, ProfileType, VariableRecord } from "./profileApi";

/** A version as the program wants it; packs have their uids and whole values. */
export interface DesiredProfile extends Described {
    readonly name: string;
    readonly version: string;
    readonly type: ProfileType;
    readonly cloud: string;
    readonly packs: readonly PackRequest[];
    readonly variables: readonly ProfileVariableInput[];
}

/** A version as Palette has it: its draft, where there is one. */
export interface ObservedProfile extends Description {
    readonly name: string;
    readonly version: string;
    readonly type: string;
    readonly cloud: string;
    readonly isPublished: boolean;
    readonly packs: readonly ObservedPack[];
    readonly variables: readonly VariableRecord[];
    /** Clusters and templates that use it. */
    readonly users: readonly string[];
}

export interface ObservedPack {
    readonly name: string;
    readonly tag: string;
    readonly registryUid: string;
    readonly uid: string;
    readonly values: string;
    readonly manifests: readonly { readonly name: string; readonly content: string }[];
}

export type ProfileStep =
    | { readonly do: "create" }
    | { readonly do: "setVariables"; readonly variables: readonly VariableRecord[] }
    | { readonly do: "writePacks" }
    | ({ readonly do: "describe" } & Description)
    | { readonly do: "publish" };

export interface ProfilePlanContext {
    readonly claim: string;
    /** What the last run wanted. */
    readonly previous?:
        (Described & { readonly variables?: readonly ProfileVariableInput[] | undefined }) | undefined;
}

/** The whole way from what is there to what is wanted; creation is the plan from nothing. */
export function planProfile(
    observed: ObservedProfile | undefined,
    desired: DesiredProfile,
    context: ProfilePlanContext,
): ProfileStep[] {
    if (!observed) return [{ do: "create" }];
    const steps: ProfileStep[] = [];
    const packsDiffer = observed.type !== desired.type || packEdits(observed.packs, desired.packs).length > 0;
    const wanted = desired.variables.map(variableRecord);
    const variablesDiffer =
        variableEdits(observed.variables, desired.variables).length > 0 ||
        sensitiveChanged(desired.variables, context.previous?.variables);
    if (packsDiffer) {
        // Packs are refused when they use what is not declared, and so is taking away what they still use.
        if (variablesDiffer) {
            steps.push({ do: "setVariables", variables: together(observed.variables, wanted) });
        }
        steps.push({ do: "writePacks" });
    }
    if (variablesDiffer) steps.push({ do: "setVariables", variables: wanted });
    const described = descriptionChange(observed, desired, context);
    if (described) steps.push({ do: "describe", ...described });
    if (packsDiffer || !observed.isPublished) steps.push({ do: "publish" });
    return steps;
}

/** What of the content is not as it is wanted, in words; a secret is not told. */
export function editsOf(observed: ObservedProfile, desired: DesiredProfile): string[] {
    return [
        ...(observed.type === desired.type
            ? []
            : [`type is ${observed.type}, and ${desired.type} is declared`]),
        ...(observed.cloud === desired.cloud
            ? []
            : [`cloud is ${observed.cloud}, and ${desired.cloud} is declared`]),
        ...packEdits(observed.packs, desired.packs),
        ...variableEdits(observed.variables, desired.variables),
    ];
}

export function variableRecord({ default: value, sensitive, ...rest }: ProfileVariableInput): VariableRecord {
    return {
        ...rest,
        ...(value === undefined ? {} : { defaultValue: value }),
        ...(sensitive === undefined ? {} : { isSensitive: sensitive }),
    };
}

function packEdits(observed: readonly ObservedPack[], desired: readonly PackRequest[]): string[] {
    const edits: string[] = [];
    for (const pack of desired) {
        const found = observed.find(({ name }) => name === pack.name);
        if (!found) edits.push(`pack ${pack.name} is gone`);
        else edits.push(...editsOfPack(found, pack).map((what) => `pack ${pack.name}: ${what}`));
    }
    const names = desired.map(({ name }) => name);
    const added = observed.filter(({ name }) => !names.includes(name));
    edits.push(...added.map(({ name }) => `pack ${name} was added`));
    const order = observed.map(({ name }) => name).join();
    if (edits.length === 0 && order !== names.join()) edits.push("the packs are in another order");
    return edits;
}

/** The type of a pack does not count: Palette makes of it what the registry is. */
function editsOfPack(found: ObservedPack, wanted: PackRequest): string[] {
    const edits: string[] = [];
    const tag = wanted.tag ?? "";
    const isOther = wanted.uid !== "" && found.uid !== "" && found.uid !== wanted.uid;
    if (tag !== "" && found.tag !== tag) edits.push(`version ${found.tag}`);
    else if (isOther || (wanted.registryUid !== undefined && found.registryUid !== wanted.registryUid)) {
        edits.push("another registry");
    }
    if (trimmed(found.values) !== trimmed(wanted.values)) edits.push("values");
    if (!isDeepStrictEqual(contents(found.manifests), contents(wanted.manifests ?? []))) {
        edits.push("manifests");
    }
    return edits;
}

function contents(manifests: readonly { name: string; content: string }[]): [string, string][] {
    return manifests.map(({ name, content }) => [name, trimmed(content)]);
}

/** Fields that Palette fills in where none are given, with what it fills in. */
export const FILLED_IN: Readonly<Record<string, unknown>> = {
    format: "string",
    inputType: "text",
    required: false,
    immutable: false,
    hidden: false,
    isSensitive: false,
    defaultValue: "",
};

const COMPARED = [
    "displayName",
    "description",
    "format",
    "defaultValue",
    "regex",
    "inputType",
    "required",
    "immutable",
    "hidden",
    "isSensitive",
] as const satisfies readonly (keyof VariableRecord)[];

function variableEdits(
    observed: readonly VariableRecord[],
    desired: readonly ProfileVariableInput[],
): string[] {
    const edits: string[] = [];
    const wanted = desired.map(variableRecord);
    for (const variable of wanted) {
        const found = observed.find(({ name }) => name === variable.name);
        if (!found) edits.push(`variable ${variable.name} is gone`);
        else if (variableDiffers(found, variable)) edits.push(`variable ${variable.name}`);
    }
    const added = observed.filter(({ name }) => !wanted.some((variable) => variable.name === name));
    return [...edits, ...added.map(({ name }) => `variable ${name} was added`)];
}

function variableDiffers(found: VariableRecord, wanted: VariableRecord): boolean {
    const fields = COMPARED.filter(
        // Sensitive values come back masked.
        (field) => !(field === "defaultValue" && wanted.isSensitive === true),
    );
    const differs = fields.some((field) => {
        const value = wanted[field] ?? FILLED_IN[field];
        return value !== undefined && (found[field] ?? FILLED_IN[field]) !== value;
    });
    return differs || (wanted.options !== undefined && !sameOptions(found.options ?? [], wanted.options));
}

type Options = NonNullable<VariableRecord["options"]>;

function sameOptions(found: Options, wanted: Options): boolean {
    return found.map(({ value }) => value).join("\n") === wanted.map(({ value }) => value).join("\n");
}

/** What cannot be seen in Palette is written when it is not what the last run wrote. */
function sensitiveChanged(
    desired: readonly ProfileVariableInput[],
    previous: readonly ProfileVariableInput[] | undefined,
): boolean {
    return desired
        .filter(({ sensitive }) => sensitive === true)
        .some(
            (variable) => previous?.find(({ name }) => name === variable.name)?.default !== variable.default,
        );
}

/** Both, so that neither what packs use nor what they are to use is missing; without masked values. */
function together(observed: readonly VariableRecord[], wanted: readonly VariableRecord[]): VariableRecord[] {
    const others = observed.filter(({ name }) => !wanted.some((variable) => variable.name === name));
    return [...others.map(withoutMask), ...wanted];
}

function withoutMask({ defaultValue, ...variable }: VariableRecord): VariableRecord {
    return variable.isSensitive === true || defaultValue === undefined
        ? variable
        : { ...variable, defaultValue };
}

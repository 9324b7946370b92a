import * as path from "node:path";
import { parseDuration, parsePath } from "./paths";
import type { PlanOptions } from "./planner";
import { unsupported } from "./refusal";
import type { CustomTimeouts, ResourceState } from "./resource";
import { fromStruct, type Sdk } from "./sdk";
import { DYNAMIC_PACKAGE } from "./urn";
import { fromProgram, type PropertyMap } from "./values";

/** The protocol's request to register a resource. */
export type RegisterRequest = InstanceType<Sdk["resource"]["RegisterResourceRequest"]>;

/** A former identity of a resource: a URN, or what in it was different. */
export interface AliasSpec {
    urn?: string;
    name?: string;
    type?: string;
    stack?: string;
    project?: string;
    parent?: string;
    noParent?: boolean;
}

/** What the program wants a resource to be. */
export interface Goal extends PlanOptions {
    type: string;
    name: string;
    custom: boolean;
    parent: string;
    properties: PropertyMap;
    dependencies: string[];
    propertyDependencies: Record<string, string[]>;
    protect?: boolean;
    retainOnDelete?: boolean;
    deletedWith: string;
    ignoreChanges: string[];
    replaceOnChanges: string[];
    replaceWith: string[];
    additionalSecretOutputs: string[];
    hideDiff: ResourceState["hideDiff"];
    customTimeouts?: CustomTimeouts;
    aliases: AliasSpec[];
    sourcePosition?: string;
    stackTrace: { sourcePosition?: string }[];
}

/**
 * Reads a registration; what the engine does not do is refused.
 * @param parentGoal the goal of the parent, from which some options are inherited
 * @param root folder of the project, to which source positions are relative
 */
export function readGoal(
    request: RegisterRequest,
    parentGoal: (urn: string) => Goal | undefined,
    root: string,
): Goal {
    refuseUnsupportedOptions(request);
    const parent = parentGoal(request.getParent());
    const deleteBeforeReplace = request.getDeletebeforereplace();
    const position = (at: SourcePosition | undefined): string | undefined => sourcePosition(at, root);
    return {
        type: request.getType(),
        name: request.getName(),
        custom: request.getCustom(),
        parent: request.getParent(),
        ...readProperties(request),
        protect: request.hasProtect() ? request.getProtect() : parent?.protect,
        retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : parent?.retainOnDelete,
        deletedWith: request.getDeletedwith() || (parent?.deletedWith ?? ""),
        deleteBeforeReplace:
            request.getDeletebeforereplacedefined() || deleteBeforeReplace ? deleteBeforeReplace : undefined,
        ignoreChanges: request.getIgnorechangesList(),
        replaceOnChanges: request.getReplaceonchangesList(),
        replaceWith: request.getReplaceWithList(),
        additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
        hideDiff: request.getHidediffsList().map(parsePath),
        customTimeouts: readTimeouts(request),
        aliases: readAliases(request),
        sourcePosition: position(request.getSourceposition()),
        stackTrace: (request.getStacktrace()?.getFramesList() ?? []).map((frame) => {
            const at = position(frame.getPc());
            return at === undefined ? {} : { sourcePosition: at };
        }),
    };
}

function refuseUnsupportedOptions(request: RegisterRequest): void {
    const type = request.getType();
    const trigger = request.getReplacementTrigger()?.toJavaScript();
    const unsupportedOptions: [boolean, string][] = [
        [request.getRemote(), "a remote (multi-language) component"],
        [request.getImportid() !== "", "the option `import`"],
        [request.getTransformsList().length > 0, "the option `transforms`"],
        [request.getPackageref() !== "", "a parameterized package"],
        [request.hasHooks(), "the option `hooks`"],
        [trigger !== undefined && trigger !== null, "the option `replacementTrigger`"],
        [request.getCustom() && !type.startsWith(`${DYNAMIC_PACKAGE}:`), `a resource of ${packageOf(type)}`],
        [request.getCustom() && request.getProvider() !== "", "the option `provider`"],
    ];
    const found = unsupportedOptions.find(([isUsed]) => isUsed);
    if (found !== undefined) {
        throw unsupported(`${request.getName()} [${type}]: ${found[1]}`);
    }
}

/** The package of a type, for messages. */
export function packageOf(type: string): string {
    const [name] = type.split(":");
    return name === "pulumi" ? `type ${type}` : `the package "${name ?? type}"`;
}

function readProperties(
    request: RegisterRequest,
): Pick<Goal, "properties" | "dependencies" | "propertyDependencies"> {
    const dependencies = new Set(request.getDependenciesList());
    const byProperty = new Map<string, Set<string>>();
    for (const [key, urns] of request.getPropertydependenciesMap().entries()) {
        byProperty.set(key, new Set(urns.getUrnsList()));
    }
    // A program that names no dependencies of properties means that each has all of them.
    const implied = byProperty.size === 0 ? dependencies : [];
    const properties: PropertyMap = {};
    for (const [key, value] of Object.entries(fromStruct(request.getObject()))) {
        const urns = byProperty.get(key) ?? new Set(implied);
        byProperty.set(key, urns);
        properties[key] = fromProgram(value, urns);
    }
    return {
        properties,
        dependencies: [...dependencies].sort(),
        propertyDependencies: Object.fromEntries(
            [...byProperty].map(([key, urns]) => [key, [...urns].sort()]),
        ),
    };
}

function readTimeouts(request: RegisterRequest): CustomTimeouts | undefined {
    const given = request.getCustomtimeouts();
    if (given === undefined) {
        return undefined;
    }
    const timeouts: CustomTimeouts = {
        create: parseDuration(given.getCreate()),
        update: parseDuration(given.getUpdate()),
        delete: parseDuration(given.getDelete()),
        // Not in the stubs of the oldest supported SDK.
        read: parseDuration((given as { getRead?: () => string }).getRead?.() ?? ""),
    };
    const set = Object.entries(timeouts).filter(([, seconds]) => seconds !== undefined && seconds > 0);
    return set.length > 0 ? Object.fromEntries(set) : undefined;
}

function readAliases(request: RegisterRequest): AliasSpec[] {
    const byUrn = request.getAliasurnsList().map((urn) => ({ urn }));
    const bySpec = request.getAliasesList().map((alias): AliasSpec => {
        const spec = alias.getSpec();
        if (spec === undefined) {
            return { urn: alias.getUrn() };
        }
        return {
            name: spec.getName(),
            type: spec.getType(),
            stack: spec.getStack(),
            project: spec.getProject(),
            parent: spec.getParenturn(),
            noParent: spec.getNoparent(),
        };
    });
    return [...byUrn, ...bySpec];
}

interface SourcePosition {
    getUri(): string;
    getLine(): number;
    getColumn(): number;
}

function sourcePosition(at: SourcePosition | undefined, root: string): string | undefined {
    if (at === undefined || at.getUri() === "") {
        return undefined;
    }
    const file = decodeURIComponent(new URL(at.getUri()).pathname);
    const column = at.getColumn() > 0 ? `,${at.getColumn()}` : "";
    return `project:///${path.posix.relative(root, file)}#${at.getLine()}${column}`;
}

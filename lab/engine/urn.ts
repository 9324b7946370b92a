/** The type of the resource that stands for the whole stack. */
export const STACK_TYPE = "pulumi:pulumi:Stack";

/** The type of the provider of dynamic resources. */
export const PROVIDER_TYPE = "pulumi:providers:pulumi-nodejs";

/** The package of dynamic resources of Node.js. */
export const DYNAMIC_PACKAGE = "pulumi-nodejs";

/** The URN of a resource. */
export function makeUrn(
    where: { stack: string; project: string },
    parent: string,
    type: string,
    name: string,
): string {
    // Children of the stack stand at the top: its type is left out of theirs.
    const prefix = parent !== "" && qualifiedType(parent) !== STACK_TYPE ? `${qualifiedType(parent)}$` : "";
    return `urn:pulumi:${where.stack}::${where.project}::${prefix}${type}::${name}`;
}

/** The types of a resource and its parents: `a:b:Parent$a:b:Child`. */
function qualifiedType(urn: string): string {
    return urn.split("::")[2] ?? "";
}

/** The type of a resource. */
export function typeOf(urn: string): string {
    return qualifiedType(urn).split("$").pop() ?? "";
}

/** The name of a resource; it may hold `::`. */
export function nameOf(urn: string): string {
    return urn.split("::").slice(3).join("::");
}

/** Whether the URN is the stack's own. */
export function isStackUrn(urn: string): boolean {
    return qualifiedType(urn) === STACK_TYPE;
}

/** The URN in a provider reference, `<urn>::<id>`. */
export function providerUrn(reference: string): string {
    return reference.slice(0, reference.lastIndexOf("::"));
}

/** The URN with another parent (and so another qualified type). */
export function withParent(urn: string, parent: string): string {
    const parts = urn.split("::");
    const prefix = isStackUrn(parent) ? "" : `${qualifiedType(parent)}$`;
    return [parts[0], parts[1], prefix + typeOf(urn), ...parts.slice(3)].join("::");
}

/** A type as the CLI shows it: `pkg:module/kind:Kind` as `pkg:module:Kind`, any other as it is. */
export function displayType(type: string): string {
    const [, pkg, module, file, kind] = /^([^:]*):([^:]*)\/([^:/]*):([^:]+)$/.exec(type) ?? [];
    const isOwnFile = kind !== undefined && file === kind.charAt(0).toLowerCase() + kind.slice(1);
    return isOwnFile ? `${pkg}:${module}:${kind}` : type;
}

import type { PropertyPath } from "./paths";
import { isUnknown, type PropertyMap } from "./values";
import { providerUrn, typeOf } from "./urn";

/** Time limits of a resource, in seconds. */
export interface CustomTimeouts {
    create?: number;
    update?: number;
    delete?: number;
    read?: number;
}

/** A row of the state, with its names in the state file. Values are in wire form, secrets decrypted. */
export interface ResourceState {
    urn: string;
    /** Managed by a provider; otherwise a component. */
    custom: boolean;
    /** Replaced by another row of the same URN, and to be deleted. */
    delete?: boolean;
    id?: string;
    type: string;
    inputs: PropertyMap;
    outputs: PropertyMap;
    parent?: string;
    protect?: boolean;
    taint?: boolean;
    /** Read only, not managed. */
    external?: boolean;
    dependencies?: string[];
    /** Why the last create or update did not come to its end. */
    initErrors?: string[];
    /** `<urn>::<id>` of the provider. */
    provider?: string;
    propertyDependencies?: Record<string, string[]>;
    /** Deleted already, its replacement not yet created. */
    pendingReplacement?: boolean;
    additionalSecretOutputs?: string[];
    /** The URN under which the row stood before this run. Not stored: references to it are rewritten. */
    aliases?: string[];
    customTimeouts?: CustomTimeouts;
    importID?: string;
    retainOnDelete?: boolean;
    deletedWith?: string;
    replaceWith?: string[];
    created?: string;
    modified?: string;
    sourcePosition?: string;
    stackTrace?: { sourcePosition?: string }[];
    ignoreChanges?: string[];
    hideDiff?: PropertyPath[];
    replaceOnChanges?: string[];
}

/** An operation that had begun and not ended when the state was written. */
export interface PendingOperation {
    resource: ResourceState;
    type: PendingKind;
}

/** What was being done. */
export type PendingKind = "creating" | "updating" | "deleting" | "reading" | "importing";

/** Whether the row is a provider. */
export function isProvider(row: { type: string }): boolean {
    return row.type.startsWith("pulumi:providers:");
}

/** Whether the row is an instance of a provider whose deletion, update or read is a call. */
export function isManaged(row: ResourceState): boolean {
    return row.custom && !isProvider(row);
}

/** All URNs a row refers to, its provider's included. */
export function references(row: ResourceState): string[] {
    return [
        ...(row.parent !== undefined && row.parent !== "" ? [row.parent] : []),
        ...dependenciesOf(row),
        ...(row.provider !== undefined && row.provider !== "" ? [providerUrn(row.provider)] : []),
    ];
}

/** All URNs a row depends on; neither its parent nor its provider. */
export function dependenciesOf(row: ResourceState): string[] {
    return [
        ...(row.dependencies ?? []),
        ...Object.values(row.propertyDependencies ?? {}).flat(),
        ...(row.deletedWith !== undefined && row.deletedWith !== "" ? [row.deletedWith] : []),
        ...(row.replaceWith ?? []),
    ];
}

/** The id for messages and protocol: empty while it is not known. */
export function knownId(row: ResourceState): string {
    return row.id === undefined || isUnknown(row.id) ? "" : row.id;
}

/** A resource as people name it in messages. */
export function describe(urn: string, name: string): string {
    return `${typeOf(urn)} ${name}`;
}

/** What a column of the inventory holds. Integers are JavaScript numbers, also the 64-bit ones. */
export type ColumnType = "string" | "integer" | "boolean" | "enum";

/** A column of an inventory table. An unset column is absent from the row, as NULL is in the database. */
export interface Column {
    readonly type: ColumnType;
    /** The enum's name in the API description, for enum columns. */
    readonly enumName?: string;
    /** Set once: a write that names it is refused, a write without a field mask ignores it. */
    readonly immutable?: boolean;
    /** The column is never NULL: this value stands where none was given. */
    readonly fallback?: string;
    /** What a new row holds where nothing was given; unlike `fallback` a later write can clear it. */
    readonly initial?: string;
    /** A list of texts, kept joined by "|" as the inventory does. */
    readonly list?: boolean;
    /** A new row needs a value. */
    readonly required?: boolean;
}

/** A reference to a row of another table. */
export interface Edge {
    readonly kind: Kind;
    /** Exactly one target is required; clearing it is a database error. */
    readonly required?: boolean;
    /** Many targets (kept as a list of ids). */
    readonly many?: boolean;
    /** The target may be referenced by one row only. The value names the constraint. */
    readonly exclusive?: string;
    /** The edge is the other end of this edge of `kind`; it is not stored. */
    readonly reverseOf?: string;
}

/** A unique index. Rows with an unset column are exempt, as NULL is in PostgreSQL. */
export interface UniqueIndex {
    readonly name: string;
    readonly columns: readonly string[];
    /** Only rows where this column is unset take part. */
    readonly whereUnset?: string;
    /** Unique over all projects; otherwise within one. */
    readonly global?: boolean;
}

/** One table of the inventory. Column and edge names are the REST API's camel case of the inventory's own. */
export interface KindDefinition {
    /** What stands before the dash in ids of this kind. */
    readonly prefix: string;
    /** The name in `… not found`. */
    readonly noun: string;
    /** The message type in error texts. */
    readonly messageName: string;
    readonly table: string;
    readonly columns: Readonly<Record<string, Column>>;
    readonly edges: Readonly<Record<string, Edge>>;
    readonly unique: readonly UniqueIndex[];
}

/** The tables the lab keeps, named by the prefix of their ids. */
export type Kind =
    | "os"
    | "host"
    | "instance"
    | "site"
    | "region"
    | "localaccount"
    | "customconfig"
    | "provider"
    | "osupdatepolicy"
    | "hoststorage"
    | "hostnic"
    | "hostusb"
    | "hostgpu";

export const text: Column = { type: "string" };
export const fixedText: Column = { type: "string", immutable: true };
export const neededText: Column = { type: "string", immutable: true, required: true };
export const integer: Column = { type: "integer" };
export const flag: Column = { type: "boolean" };

/** An enum column; unset is NULL and reads as the `…_UNSPECIFIED` value. */
export function choice(enumName: string): Column {
    return { type: "enum", enumName };
}

/** An enum column that can only be given at creation. */
export function fixedChoice(enumName: string): Column {
    return { type: "enum", enumName, immutable: true };
}

/** An enum column that the inventory never leaves NULL. */
export function setChoice(enumName: string, fallback: string): Column {
    return { type: "enum", enumName, fallback };
}

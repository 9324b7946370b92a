import { z } from "zod";
import type { Context, Host } from "./context";
import type { Problem } from "./problem";
import type { Checked } from "./unknown";

/** Traits stand beside the field they belong to: `z.string().meta({ replaces: true })`. */
export interface FieldTraits {
    /** A change makes a new object and removes the old one after it. Default: changed in place. */
    replaces?: boolean;
    /** Computed by the check and never set by the program, so that previews show it. */
    derived?: boolean;
    /** Steers how the provider works (`adopt`, `reimage`); a change of it alone is no difference. */
    control?: boolean;
}

export function traitsOf(field: z.ZodType): FieldTraits {
    return (field.meta() ?? {}) as FieldTraits;
}

/** A schema's fields by name; zod's own type of a shape is loose about its values. */
export function fieldsOf(schema: z.ZodObject): [name: string, field: z.ZodType][] {
    const shape: Record<string, z.ZodType> = schema.shape;
    return Object.entries(shape);
}

/** An outside system: how its client is made. Resources with equal values in the `target` inputs share one client. */
export interface System<Client> {
    readonly name: string;
    readonly target: readonly string[];
    /** Makes the client from settings without calling the system; bad settings throw an EdgeError. */
    connect(target: Readonly<Record<string, unknown>>, host: Host): Client;
}

/** What the state holds of a resource. */
export interface State<I, O> {
    inputs: I;
    outputs: O;
}

type Values<S extends z.ZodObject> = z.output<S>;

export interface ResourceDefinition<In extends z.ZodObject, Out extends z.ZodObject, Client> {
    /** `emf.Region`. */
    readonly kind: string;
    readonly system: System<Client>;
    readonly inputs: In;
    readonly outputs: Out;
    /** Version of the state's shape, 1 at first; `upgrade` brings older states up to it. */
    readonly version?: number;
    /** Default time limits in milliseconds where 20 minutes do not fit. */
    readonly timeouts?: Partial<Record<Verb, number>>;
    /** What cannot be told by the schema alone: rules over several inputs, look-ups, derived values. Never writes. */
    check?(
        inputs: Checked<Values<In>>,
        context: Context<Client>,
        state?: Partial<Values<In>>,
    ): Promise<CheckOutcome<Values<In>>>;
    /** Names of changed inputs that are no difference, for example a spelling the system treats as equal. */
    same?(olds: Values<In>, news: Checked<Values<In>>): readonly (keyof Values<In>)[];
    create(
        inputs: Values<In>,
        context: Context<Client>,
    ): Promise<{ id: string; outputs: Values<Out>; inputs?: Partial<Values<In>> }>;
    /** Undefined only when the object is known to be gone; what cannot be told throws. */
    read(
        id: string,
        state: State<Values<In>, Values<Out>>,
        context: Context<Client>,
    ): Promise<{ inputs?: Partial<Values<In>>; outputs?: Partial<Values<Out>> } | undefined>;
    /** Continues whatever an earlier run left half-way; outputs are merged into the old ones. */
    update(
        id: string,
        state: State<Values<In>, Values<Out>>,
        inputs: Values<In>,
        context: Context<Client>,
    ): Promise<{ outputs?: Partial<Values<Out>> }>;
    /** Returns when the object is really gone. Not there is done. */
    delete(id: string, state: State<Values<In>, Values<Out>>, context: Context<Client>): Promise<void>;
    upgrade?(properties: Record<string, unknown>, from: number): Record<string, unknown>;
}

export interface CheckOutcome<I> {
    problems?: readonly Problem[];
    /** Derived and normalised values that go into the inputs. */
    values?: Partial<Checked<I>>;
}

export type Verb = "create" | "read" | "update" | "delete" | "check";

/** A definition whose type parameters no longer matter: what adapters work with. */
export type AnyResource = ResourceDefinition<z.ZodObject, z.ZodObject, unknown>;

export function defineResource<In extends z.ZodObject, Out extends z.ZodObject, Client>(
    definition: ResourceDefinition<In, Out, Client>,
): ResourceDefinition<In, Out, Client> {
    const twice = Object.keys(definition.inputs.shape).filter((name) => name in definition.outputs.shape);
    if (twice.length > 0) throw new Error(`${definition.kind}: both input and output: ${twice.join(", ")}`);
    return definition;
}

/** JSON Schema of what a program may give, for the reference and other front ends. */
export function inputJsonSchema(definition: AnyResource): unknown {
    const given = fieldsOf(definition.inputs).filter(([, field]) => !traitsOf(field).derived);
    return z.toJSONSchema(z.object(Object.fromEntries(given)), { io: "input", unrepresentable: "any" });
}

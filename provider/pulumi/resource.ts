import * as pulumi from "@pulumi/pulumi";

/** What a resource's class tells about itself: names only, so that importing the package loads no schema. */
export interface ResourceNames {
    /** `emf.Region`. Part of every state; a change needs an alias. */
    readonly kind: string;
    /** Properties of the class: every input and output of the definition. */
    readonly properties: readonly string[];
}

/** `pulumi-nodejs:dynamic/edge-os/emf:Region`. */
function typeToken(kind: string): string {
    const [system, name] = kind.split(".");
    return `pulumi-nodejs:dynamic/edge-os/${system}:${name}`;
}

/** The provider is named, never serialised: the state keeps working when this package's code changes. */
function providerText(kind: string): string {
    return `exports.handler = () => require("pulumi-edge-os/provider-runtime").provider(${JSON.stringify(kind)});`;
}

/** Base of every resource of this package. */
export abstract class EdgeResource extends pulumi.CustomResource {
    protected constructor(
        names: ResourceNames,
        name: string,
        args: pulumi.Inputs,
        opts: pulumi.CustomResourceOptions = {},
    ) {
        const type = typeToken(names.kind);
        super(
            type,
            name,
            {
                ...Object.fromEntries(names.properties.map((property) => [property, undefined])),
                ...args,
                __provider: providerText(names.kind),
                __ctx: {
                    urn: urnOf(type, name, opts.parent),
                    timeouts: opts.customTimeouts,
                    preview: pulumi.runtime.isDryRun() ? true : undefined,
                    secrets: secretNames(args),
                },
            },
            opts,
        );
    }

    /**
     * An existing object as a resource that the program only reads: it is neither changed nor deleted. `id` is its
     * Pulumi id, as the resource's description says. Fragile with newer versions of the Pulumi CLI, which may stop
     * reading dynamic resources; the look-ups (`emf.getSite()` …) need nothing of it.
     */
    static get<T extends EdgeResource>(
        this: new (name: string, args: never, opts?: pulumi.CustomResourceOptions) => T,
        name: string,
        id: pulumi.Input<pulumi.ID>,
        opts?: pulumi.CustomResourceOptions,
    ): T {
        return new this(name, {} as never, { ...opts, id });
    }
}

/**
 * The URN this resource will have, so that its progress finds its row. A promise and not an output: an output would
 * make the parent a dependency of every property.
 */
function urnOf(type: string, name: string, parent: pulumi.Resource | undefined): Promise<string> | string {
    const head = `urn:pulumi:${pulumi.getStack()}::${pulumi.getProject()}::`;
    const own = `${type}::${name}`;
    if (!parent) return head + own;
    const nested = qualifiedTypeOf(parent).then((prefix) => (prefix === "" ? own : `${prefix}$${own}`));
    return nested.then((rest) => head + rest);
}

/** Asked once for a parent of a thousand children: each look at an output costs the program time. */
const qualifiedTypes = new WeakMap<pulumi.Resource, Promise<string>>();

/** `a:b:Parent$c:d:Child` of a parent's URN, empty for the stack, which is left out of its children's. */
function qualifiedTypeOf(parent: pulumi.Resource): Promise<string> {
    let known = qualifiedTypes.get(parent);
    if (!known) {
        const urn = new Promise<string>((resolve) => {
            parent.urn.apply(resolve);
        });
        // A parent whose own URN never comes must not keep this registration waiting; only progress needs it.
        const giveUp = new Promise<string>((resolve) => setTimeout(resolve, 10_000, "").unref());
        known = Promise.race([urn, giveUp]).then((text) => {
            const type = text.split("::")[2] ?? "";
            return type === "pulumi:pulumi:Stack" ? "" : type;
        });
        qualifiedTypes.set(parent, known);
    }
    return known;
}

/**
 * Names of the inputs that hold secrets. The engine prints the value of a property that fails its check, secret
 * or not, so the provider must know which ones not to point at.
 */
async function secretNames(args: pulumi.Inputs): Promise<string[] | undefined> {
    const open = Object.keys(args).filter((name) => !isPlain(args[name]));
    if (open.length === 0) return undefined;
    const secret = await Promise.all(open.map((name) => pulumi.isSecret(pulumi.output(args[name]))));
    const found = open.filter((_, i) => secret[i]);
    return found.length > 0 ? found : undefined;
}

/** Whether the value holds no output or promise anywhere, so that it cannot be secret. */
function isPlain(value: unknown): boolean {
    if (typeof value !== "object" || value === null) return true;
    if (Array.isArray(value)) return value.every(isPlain);
    return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}

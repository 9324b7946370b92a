import * as pulumi from "@pulumi/pulumi";

/** What a resource's class tells about itself: names only, so that importing the package loads no schema. */
export interface ResourceNames {
    /** `emf.Region`. Part of every state; a change needs an alias. */
    readonly kind: string;
    /** Properties of the class: every input and output of the definition. */
    readonly properties: readonly string[];
}

/** `pulumi-nodejs:dynamic/edge-os/emf:Region`. */
export function typeToken(kind: string): string {
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
}

/** A promise and not an output: an output would make the parent a dependency of every property. */
function urnOf(type: string, name: string, parent: pulumi.Resource | undefined): Promise<string> {
    const urn = new Promise<string>((resolve) => {
        pulumi.createUrn(name, type, parent).apply(resolve);
    });
    // A parent whose own URN never comes must not keep this registration waiting. Without the parent's part the URN
    // still names stack and resource, which is what claims and messages are made from.
    const bare = `urn:pulumi:${pulumi.getStack()}::${pulumi.getProject()}::${type}::${name}`;
    const giveUp = new Promise<string>((resolve) => setTimeout(resolve, 10_000, bare).unref());
    return Promise.race([urn, giveUp]);
}

/**
 * Names of the inputs that hold secrets. The engine prints the value of a property that fails its check, secret
 * or not, so the provider must know which ones not to point at.
 */
async function secretNames(args: pulumi.Inputs): Promise<string[] | undefined> {
    const names = Object.keys(args).filter((name) => args[name] !== undefined);
    const secret = await Promise.all(names.map((name) => pulumi.isSecret(pulumi.output(args[name]))));
    const found = names.filter((_, i) => secret[i]);
    return found.length > 0 ? found : undefined;
}

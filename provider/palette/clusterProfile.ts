import * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { PaletteProjectArgs } from "./args";
import type * as PackValues from "./packValues";

/** A cluster profile: its packs, manifests and variables. */
export interface ClusterProfileArgs extends PaletteProjectArgs {
    /** Name that all versions have in common. A change makes a new profile. */
    name: pulumi.Input<string>;
    /**
     * Version, such as `1.2.0`. Name and version together are one profile in Palette; another version makes a new one, and
     * the old one goes when no cluster uses it any more. Default: `1.0.0`.
     */
    version?: pulumi.Input<string>;
    /**
     * `tenant` is a profile that clusters of all projects can use; the user of the API key must be a tenant administrator.
     * Default: `project`. A change makes a new profile.
     */
    scope?: pulumi.Input<"project" | "tenant">;
    /** Shown in the console. Changed in place. */
    description?: pulumi.Input<string>;
    /** Tags; `""` is one without a value. Only the keys given here are managed. Changed in place. */
    tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** `cluster` has all layers, `infra` those without add-ons, `add-on` add-ons alone. Default: `cluster`. Content. */
    type?: pulumi.Input<"cluster" | "infra" | "add-on">;
    /** Kind of clusters it is for. Default: `edge-native`, for add-ons `all`. Content. */
    cloud?: pulumi.Input<string>;
    /** The layers, from the operating system to the add-ons. Content. */
    packs: pulumi.Input<pulumi.Input<ProfilePackArgs>[]>;
    /**
     * What clusters set for themselves. Every `{{ .spectro.var.NAME }}` in the packs must be declared here. Content, but
     * for the default of a sensitive one, which is changed in place.
     */
    variables?: pulumi.Input<pulumi.Input<ProfileVariableArgs>[]>;
    /**
     * What happens when the inputs marked *content* change and the version does not: `refuse` fails in the preview;
     * `overwrite-when-unused` changes the version in place while no cluster uses it. A change of it alone changes nothing.
     * Default: `refuse`.
     */
    onContentChange?: pulumi.Input<"refuse" | "overwrite-when-unused">;
    /** Take over a profile of this name, version and content. One of another Pulumi stack is refused. Default: false. */
    adopt?: pulumi.Input<boolean>;
}

/** One layer of a profile. */
export interface ProfilePackArgs {
    /** Name in the registry, such as `edge-k8s`; with a prefix, `second--edge-k8s`, where a profile has it twice. */
    name: pulumi.Input<string>;
    /** Version, exact: `1.34.2`. Needed unless it is made of manifests alone. */
    tag?: pulumi.Input<string>;
    /** The registry by name, or by uid where several have the name. Default: the tenant's default registry. */
    registry?: pulumi.Input<string>;
    /** `manifest` for a pack of manifests alone, `helm` for a chart. Default: as the registry has it. */
    type?: pulumi.Input<"spectro" | "helm" | "manifest" | "oci">;
    /**
     * The values, whole: YAML text, whose order and comments stay, or an object. Blanks at both ends do not count. Default:
     * those that the pack brings.
     */
    values?: PackValuesInput;
    /** Values to set in those of `values`, or in those that the pack brings, whose order and comments stay. */
    overrides?: PackValuesInput;
    /** Kubernetes manifests that come with the pack. */
    manifests?: pulumi.Input<pulumi.Input<ProfileManifestArgs>[]>;
    /**
     * Of an operating system's pack: versions of Kubernetes that are inside its image. The Kubernetes pack must have one
     * of them. `edgeNativeByoi` sets it.
     */
    kubernetesVersions?: pulumi.Input<pulumi.Input<string>[]>;
}

/** YAML text, or an object that becomes such in its order. */
export type PackValuesInput = pulumi.Input<string> | pulumi.Input<Record<string, unknown>>;

/** A manifest in a pack. */
export interface ProfileManifestArgs {
    /** Name of the manifest, once in its pack. */
    name: pulumi.Input<string>;
    /** YAML. Blanks at both ends do not count. */
    content: pulumi.Input<string>;
}

/** A variable of a profile. */
export interface ProfileVariableArgs {
    /** As packs refer to it: `{{.spectro.var.<name>}}`. Once in a profile. */
    name: pulumi.Input<string>;
    /** What the console calls it. */
    displayName?: pulumi.Input<string>;
    /** What the console says of it. */
    description?: pulumi.Input<string>;
    /** Default: `string`. */
    format?: pulumi.Input<
        "string" | "number" | "boolean" | "ipv4" | "ipv4cidr" | "ipv6" | "version" | "base64"
    >;
    /** What clusters have that set nothing. Kept as a secret when the variable is `sensitive`. */
    default?: pulumi.Input<string>;
    /** What values must match. */
    regex?: pulumi.Input<string>;
    /** How the console asks for it. Default: `text`. */
    inputType?: pulumi.Input<"text" | "dropdown" | "multiline">;
    /** What a dropdown offers. */
    options?: pulumi.Input<pulumi.Input<ProfileVariableOption>[]>;
    /** Clusters must have a value for it. Default: false. */
    required?: pulumi.Input<boolean>;
    /** Clusters cannot change it once they are there. */
    immutable?: pulumi.Input<boolean>;
    /** Not shown in the console. */
    hidden?: pulumi.Input<boolean>;
    /** Palette shows its values to nobody. */
    sensitive?: pulumi.Input<boolean>;
}

/** One of the values that a dropdown offers. */
export interface ProfileVariableOption {
    /** What is set. */
    value: pulumi.Input<string>;
    /** What the console shows for it. */
    label?: pulumi.Input<string>;
}

/**
 * One version of a cluster profile, published. Its Pulumi id is `<project uid>/<name>/<version>`, or `tenant/…`. Packs are looked up by
 * name, version and registry; what Palette would refuse later (a pack that no registry has, a variable that is not
 * declared, an image with another version of Kubernetes than the pack) is refused in the preview. An edit in the console
 * shows at the next refresh as `edited`, and the next up takes it back. A version that a cluster uses is left in Palette
 * when it is deleted, with a warning.
 *
 * @example
 * ```ts
 * const profile = new palette.ClusterProfile("edge", {
 *     name: "ai-ra-infra-agent",
 *     version: "1.1.0",
 *     packs: [
 *         palette.edgeNativeByoi({ image: appliance }),
 *         { name: "edge-k8s", tag: "1.34.2" },
 *         { name: "cni-cilium-oss", tag: "1.18.4" },
 *         { name: "csi-longhorn", tag: "1.10.1", overrides: { charts: { longhorn: { persistence: { defaultClass: true } } } } },
 *         { name: "network-operator", tag: "25.10.0", registry: "Palette Community Registry" },
 *     ],
 * });
 * ```
 */
export class ClusterProfile extends EdgeResource {
    declare readonly name: pulumi.Output<string>;
    declare readonly version: pulumi.Output<string>;
    declare readonly type: pulumi.Output<"cluster" | "infra" | "add-on">;
    declare readonly cloud: pulumi.Output<string>;
    /** Palette's own id of this version. */
    declare readonly uid: pulumi.Output<string>;
    /** The image that nodes run, with its parts filled in; a change of it repaves all nodes. */
    declare readonly systemUri: pulumi.Output<string | undefined>;
    /** Version of the Kubernetes pack. */
    declare readonly kubernetesVersion: pulumi.Output<string | undefined>;
    /** Where Palette is. */
    declare readonly endpoint: pulumi.Output<string>;
    /** Palette's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: ClusterProfileArgs, opts?: pulumi.CustomResourceOptions) {
        // An existing one that is only read has no arguments.
        const given: Partial<ClusterProfileArgs> = args;
        const { packs, variables, ...rest } = given;
        const inputs = {
            ...rest,
            ...(packs === undefined
                ? {}
                : {
                      packs: Array.isArray(packs)
                          ? packs.map(withTexts)
                          : pulumi.output(packs).apply((list) => list.map(withTexts)),
                  }),
            ...(variables === undefined ? {} : { variables: pulumi.output(variables).apply(withSecrets) }),
        };
        super({ kind: "palette.ClusterProfile", properties: PROPERTIES }, name, inputs, opts);
    }
}

type Pack = pulumi.Unwrap<ProfilePackArgs>;
type Variables = pulumi.Unwrap<ProfileVariableArgs>[];

/** Pulumi keeps no order in objects, and in YAML people care about it. */
function withTexts(pack: pulumi.Input<ProfilePackArgs>): pulumi.Output<Pack> {
    return pulumi.output(pack).apply(({ values, overrides, ...rest }) => {
        // Loaded with the first profile, not with the package.
        // eslint-disable-next-line @typescript-eslint/no-require-imports
        const { yamlText } = require("./packValues") as typeof PackValues;
        return {
            ...rest,
            ...(values === undefined ? {} : { values: yamlText(values) }),
            ...(overrides === undefined ? {} : { overrides: yamlText(overrides) }),
        };
    });
}

function withSecrets(variables: Variables): pulumi.Output<Variables> {
    const isSecret = variables.some(({ sensitive, default: value }) => sensitive && value !== undefined);
    return isSecret ? pulumi.secret(variables) : pulumi.output(variables);
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "name",
    "version",
    "scope",
    "description",
    "tags",
    "type",
    "cloud",
    "packs",
    "variables",
    "onContentChange",
    "adopt",
    "packUids",
    "systemUri",
    "kubernetesVersion",
    "edited",
    "uid",
    "claim",
] as const;

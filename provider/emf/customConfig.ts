import type * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";
import type { EmfTargetArgs } from "./args";

/** A cloud-init config: its name and content. */
export interface CustomConfigArgs extends EmfTargetArgs {
    /**
     * What the config is called: a lower-case letter, then at most 31 of `a-z 0-9 -`. In EMF the object has a suffix
     * of six digits (see `configName`), so that a new content can stand beside the old one. A change makes a new
     * object.
     */
    name: pulumi.Input<string>;
    /**
     * Content, at most 16,384 characters: what cloud-init takes, so `#cloud-config` and YAML, a jinja template of it,
     * a script, a MIME archive. A change makes a new object; hosts that have the old one keep it. Wrap it in
     * `pulumi.secret` where it holds passwords or keys. Give this or `configFile`.
     */
    config?: pulumi.Input<string>;
    /** File with the content, relative to the program's folder. The content is not kept in the state. */
    configFile?: pulumi.Input<string>;
    /** At most 256 characters. EMF does not change it in an existing object. */
    description?: pulumi.Input<string>;
    /**
     * Take over an existing config of exactly this name and content; where there is none, one is made as usual. While
     * no host uses it, it is made again and gets a new `resourceId`. Default: false.
     */
    adopt?: pulumi.Input<boolean>;
}

/**
 * A cloud-init config that hosts apply when they are installed. EMF cannot change one: new content is a new object,
 * and the old one is deleted after it, or left with a warning while hosts use it. Its Pulumi id is
 * `<project uid>/<configName>`.
 *
 * @example
 * ```ts
 * const ntp = new emf.CustomConfig("ntp", {
 *     name: "ntp",
 *     config: "#cloud-config\nntp:\n  servers: [ntp.example.com]\n",
 * });
 * new emf.EdgeHost("till-1", { serial: "SN0001", osProfile: profile.resourceId, customConfigs: [ntp.resourceId] });
 * ```
 */
export class CustomConfig extends EdgeResource {
    declare readonly name: pulumi.Output<string>;
    declare readonly config: pulumi.Output<string | undefined>;
    declare readonly description: pulumi.Output<string | undefined>;
    /** Name in EMF, `<name>-1a2b3c`; the plain name where an existing config was adopted. */
    declare readonly configName: pulumi.Output<string>;
    /** SHA-256 of the content, hexadecimal. */
    declare readonly configHash: pulumi.Output<string>;
    /** EMF's id, `customconfig-…`. */
    declare readonly resourceId: pulumi.Output<string>;
    /** Where EMF is, `https://api.<domain>`. */
    declare readonly endpoint: pulumi.Output<string>;
    /** EMF's id of the project. */
    declare readonly projectUid: pulumi.Output<string>;

    constructor(name: string, args: CustomConfigArgs, opts?: pulumi.CustomResourceOptions) {
        super({ kind: "emf.CustomConfig", properties: PROPERTIES }, name, { ...args }, opts);
    }
}

const PROPERTIES = [
    "connection",
    "project",
    "endpoint",
    "projectUid",
    "name",
    "config",
    "configFile",
    "description",
    "adopt",
    "configHash",
    "resourceId",
    "configName",
] as const;

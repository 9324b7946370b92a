import * as pulumi from "@pulumi/pulumi";
import { EdgeResource } from "../pulumi/resource";

/** What the ISO holds, and where it goes. */
export interface SiteIsoArgs {
    /** Where to write it, from the program's folder: `till-4.iso`. Its folder is made. Another place replaces. */
    file: pulumi.Input<string>;
    /** The user-data, which begins with the line `#cloud-config`: {@link userDataFor}. Kept secret. Rewrites the file. */
    userData: pulumi.Input<string>;
    /** The `meta-data`. Default: empty. Rewrites the file. */
    metaData?: pulumi.Input<string>;
}

/**
 * An ISO with the volume label `cidata` that gives a machine its user-data at the site, beside an installer that all
 * machines share: put it on a USB stick, or into the machine's second virtual drive. It is written with mode 0600, since
 * it holds the registration token; equal user-data make equal bytes. A file that is missing or was changed shows at the
 * next refresh and is written again by the next up; deleting the resource deletes the file, unless another resource has
 * written it since.
 *
 * @example
 * ```ts
 * new palette.SiteIso("till-4", { file: "out/till-4.iso", userData: palette.userDataFor(till, token) });
 * ```
 */
export class SiteIso extends EdgeResource {
    declare readonly file: pulumi.Output<string>;
    /** SHA-256 of the ISO, hexadecimal. */
    declare readonly sha256: pulumi.Output<string>;

    constructor(name: string, args: SiteIsoArgs, opts?: pulumi.CustomResourceOptions) {
        const userData = pulumi.secret(args.userData);
        super({ kind: "palette.SiteIso", properties: PROPERTIES }, name, { ...args, userData }, opts);
    }
}

const PROPERTIES = ["file", "userData", "metaData", "sha256", "written"] as const;

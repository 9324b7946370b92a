import * as pulumi from "@pulumi/pulumi";
import type { UserData } from "../canvos/userData";
import type * as Text from "../canvos/userData.text";
import { formatPath } from "../resource/problem";

/** What `userDataFor` needs of a host: an {@link EdgeHost}, or the same in plain values. */
export interface UserDataHost {
    /** Becomes `stylus.site.name`. */
    readonly uid: pulumi.Input<string>;
    /** Where Palette is, `https://api.spectrocloud.com`. */
    readonly endpoint: pulumi.Input<string>;
    /** Uid of the host's project. */
    readonly projectUid: pulumi.Input<string>;
    /** Become the tags. */
    readonly labels?: pulumi.Input<Record<string, string> | undefined>;
}

/** What `userDataFor` needs of a token: a {@link RegistrationToken}, or the value. */
export type UserDataToken = pulumi.Input<string> | { readonly token: pulumi.Input<string> };

/**
 * The user-data that makes a machine the given host: for an installer of its own, or for a {@link SiteIso} beside an
 * installer that many machines share. It holds the token, and so is a secret. The machine pairs with this host only, and
 * makes no other; `more` adds to it and wins over it.
 *
 * @example
 * ```ts
 * const userData = palette.userDataFor(till, token, {
 *     install: { device: "auto", poweroff: true },
 *     stages: { initramfs: [{ users: { kairos: { groups: ["sudo"], ssh_authorized_keys: [key] } } }] },
 * });
 * ```
 */
export function userDataFor(
    host: UserDataHost,
    token: UserDataToken,
    more: UserData = {},
): pulumi.Output<string> {
    const { uid, endpoint, projectUid, labels } = host;
    const value = typeof token === "object" && "token" in token ? token.token : token;
    const known = pulumi.all([
        pulumi.output({ uid, endpoint, projectUid, labels }),
        value,
        pulumi.output(more),
    ]);
    return pulumi.secret(known.apply(([named, text, added]) => rendered(named, text, added)));
}

/** The same of plain values. */
export function rendered(
    { uid, endpoint, projectUid, labels = {} }: pulumi.Unwrap<UserDataHost>,
    token: string,
    { stylus, ...rest }: pulumi.Unwrap<UserData>,
): string {
    const site = {
        // The agent wants a host name without a scheme.
        ...{ paletteEndpoint: new URL(endpoint).host, edgeHostToken: token, projectUid, name: uid },
        // A host that somebody deletes must not come back by itself.
        disableAutoRegister: true,
        ...(Object.keys(labels).length === 0 ? {} : { tags: labels }),
        ...stylus?.site,
    };
    const data = { stylus: { ...stylus, site }, ...rest };
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import()` is no way to load a CommonJS build late
    const { renderUserData, userDataFindings } = require("../canvos/userData.text") as typeof Text;
    const { problems } = userDataFindings(data);
    if (problems.length > 0) {
        const lines = problems.map(({ path, message }) => `  ${formatPath(path)} ${message}`);
        throw new pulumi.RunError([`the user-data of ${uid} would not be accepted:`, ...lines].join("\n"));
    }
    return renderUserData(data);
}

import type { PaletteClient } from "../../provider/palette/client";
import type { Description } from "../../provider/palette/description";
import { decodeLabels } from "../../provider/palette/labels";
import { checkInputs } from "../../provider/resource/check";
import type { AnyResource } from "../../provider/resource/definition";
import { checkContext } from "../checkContext";
import { textOf, type Args } from "./judge";
import { safeName } from "./names";
import { code, type Code } from "./typescript";

/** The project that is taken over. */
export interface PaletteScope {
    readonly client: PaletteClient;
    readonly project: { readonly projectUid: string };
    /** What every resource of the program says of where it is. */
    readonly target: { readonly connection?: string; readonly project?: string };
}

export const MANAGED = "a Pulumi stack manages it already";

/** How values are spelled that nobody can read. */
export interface Secrets {
    take(...words: readonly string[]): unknown;
}

/** Any text does to judge by. */
export const ANY: Secrets = { take: () => "secret" };

/** What the program takes from its stack's configuration. */
export class ConfigSecrets implements Secrets {
    readonly keys: string[] = [];

    take(...words: readonly string[]): Code {
        const wish = words.map(safeName).join("-");
        const key = this.keys.includes(wish) ? `${wish}-${this.keys.length}` : wish;
        this.keys.push(key);
        return code(`config.requireSecret(${JSON.stringify(key)})`);
    }
}

/** Why the resource's own check would refuse these inputs; undefined when it would take the object over. */
export async function faultOf(
    definition: AnyResource,
    args: Args,
    { client }: PaletteScope,
): Promise<string | undefined> {
    const context = checkContext({
        title: definition.kind,
        client: () => client,
        projectDir: process.cwd(),
        warnings: [],
    });
    // What cannot be looked up is no verdict: it fails the command.
    const strict = { ...context, preview: false, ifAvailable: <T>(lookUp: () => Promise<T>) => lookUp() };
    const { problems } = await checkInputs(definition, args, undefined, strict);
    return problems.length > 0 ? textOf(problems) : undefined;
}

/** Description and tags as a program gives them. */
export function shownDescription({ labels, annotations }: Description): Args {
    const { description = "" } = annotations;
    return {
        ...(description === "" ? {} : { description }),
        ...(Object.keys(labels).length === 0 ? {} : { tags: decodeLabels(labels) }),
    };
}

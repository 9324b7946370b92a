import { parseReference } from "../oci/reference";
import type { Context } from "../resource/context";
import { givenVariables, type CheckedArguments } from "./arguments.schema";
import type { Builder } from "./builder";
import { registryClient } from "./registryImages";

/** Arguments that say where CanvOS's parts come from. */
const PLACES =
    /^(?:SPECTRO_(?:PUB_REPO|THIRD_PARTY_IMAGE)|KAIROS_BASE_IMAGE_URL|BASE_IMAGE_URL|(?:ALPINE_IMG|OSBUILDER_IMAGE|AURORABOOT_IMAGE))$/;
/** For all of them: what cannot be asked for holds up neither a preview nor a build. */
const LIMIT = 5000;

/**
 * Warns of images that a build pulls from registries of the user's own and that were not brought there: a build comes to
 * them one after the other, each after minutes.
 */
export async function tellOfUnmirrored(
    images: readonly string[],
    given: CheckedArguments,
    builder: Builder,
    { signal, log }: Pick<Context<unknown>, "signal" | "log">,
): Promise<void> {
    const own = new Set(
        Object.entries(givenVariables(given))
            .filter(([name]) => PLACES.test(name))
            .map(([, value]) => hostOf(value)),
    );
    const limited = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)]);
    const missing: string[] = [];
    try {
        for (const image of images.filter((each) => own.has(hostOf(each)))) {
            if (!(await isThere(image, given, builder, limited))) missing.push(image);
        }
    } catch {
        // A registry that does not answer here, or takes no login of here, may do so where it is built.
        signal.throwIfAborted();
    }
    if (missing.length === 0) return;
    log.warn(
        `the build pulls images that are not in your registry yet: ${missing.join(", ")}. Bring them there first; ` +
            "pulledImages has all that it pulls",
    );
}

async function isThere(
    image: string,
    { imageRegistry }: CheckedArguments,
    builder: Builder,
    signal: AbortSignal,
): Promise<boolean> {
    const place = parseReference(`oci://${image}`);
    if (!place) return true;
    // The login is that registry's alone.
    const login = place.registry === hostOf(imageRegistry) ? builder.settings.registry : undefined;
    const client = registryClient(place.registry, "arguments.spectroPubRepo", builder, login);
    return (await client.headManifest(place.repository, place.tag ?? "latest", { signal })) !== undefined;
}

function hostOf(reference: string): string {
    return reference.split("/", 1)[0] ?? "";
}

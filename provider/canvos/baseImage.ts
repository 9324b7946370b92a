import { RegistryRefusal } from "../oci/errors";
import { parseReference } from "../oci/reference";
import type { Context } from "../resource/context";
import { UnavailableHere } from "../resource/errors";
import type { Problem } from "../resource/problem";
import type { ApplianceInputs } from "./applianceImage.schema";
import { planBase, type BasePlan } from "./baseImage.plan";
import type { Builder } from "./builder";
import type { KnownCheckout } from "./checkout";
import { defaultOf } from "./earthfile";
import { placementsOf, type Given } from "./plan";
import { registryClient } from "./registryImages";
import { effectiveVariables } from "./rules";

type CanvosContext = Pick<Context<Builder>, "client" | "signal" | "sleep" | "projectDir" | "log">;

/** The base image of a build. */
export interface BaseImage {
    /** As it is given, or as it will be called; empty for CanvOS's own. */
    reference: string;
    /** Where it is built from a folder of the checkout. */
    plan?: BasePlan;
}

/** What the program asks for, without a look at any registry. */
export async function baseImageOf(
    given: Given,
    known: KnownCheckout,
    context: CanvosContext & Parameters<Builder["checkoutFolder"]>[3],
): Promise<BaseImage | Problem> {
    const { baseImage } = given.arguments;
    if (typeof baseImage !== "object") return { reference: baseImage ?? "" };
    const variables = effectiveVariables(given.arguments, known.checkout);
    const value = (name: string): string => defaultOf(known.checkout.earthfile, name, variables);
    const placements = placementsOf(given, context.projectDir);
    const folder = await context.client.checkoutFolder(known, baseImage.build, placements, context);
    const plan = await planBase(baseImage, folder, {
        osVersion: value("OS_VERSION"),
        arch: value("ARCH"),
        imageRegistry: value("IMAGE_REGISTRY"),
    });
    return "message" in plan ? plan : { reference: plan.reference, plan };
}

/**
 * The reference with the digest that it has, or that it had when its text was first given: a tag that is moved must not
 * change what is built without a word.
 */
export async function pinned(
    { reference, plan }: BaseImage,
    last: Partial<ApplianceInputs> | undefined,
    context: CanvosContext,
): Promise<string | Problem> {
    if (reference === "" || plan || reference.includes("@")) return reference;
    const kept = last?.baseImage;
    if (last?.arguments?.baseImage === reference && kept?.startsWith(`${reference}@`) === true) {
        await tellOfMove(reference, kept.slice(reference.length + 1), context);
        return kept;
    }
    const digest = await digestOf(reference, context);
    if (digest !== undefined) return `${reference}@${digest}`;
    const message = `${reference} is not in its registry: push it there, or correct its name. A build takes base images from registries only`;
    return { path: ["arguments", "baseImage"], message };
}

/** Whether the registry has an image. */
export async function isInRegistry(reference: string, context: CanvosContext): Promise<boolean> {
    return (await digestOf(reference, context)) !== undefined;
}

async function tellOfMove(reference: string, digest: string, context: CanvosContext): Promise<void> {
    // Only a warning hangs on it: without a network there is none.
    const now = await digestOf(reference, context).catch(() => digest);
    if (now === digest) return;
    const state = now === undefined ? "is gone from its registry" : `has moved: it is ${now} now`;
    const advice =
        now === undefined ? "" : `. To build with the new one, give baseImage: "${reference}@${now}"`;
    context.log.warn(
        `arguments.baseImage ${reference} ${state}, and ${digest} is what is built with, as before${advice}`,
    );
}

/** The digest that a registry has an image by now; undefined where it has none. */
export async function digestOf(
    reference: string,
    { client, signal }: CanvosContext,
): Promise<string | undefined> {
    const place = parseReference(`oci://${inFull(reference)}`);
    // The schema lets through what only a registry could tell to be wrong.
    if (!place) return undefined;
    try {
        const registry = registryClient(place.registry, "arguments.baseImage", client);
        const found = await registry.headManifest(place.repository, place.tag ?? "latest", { signal });
        return found?.digest;
    } catch (error) {
        // A login that is missing here may be there where it is built.
        if (error instanceof RegistryRefusal) throw new UnavailableHere(error.message, { cause: error });
        throw error;
    }
}

/** Names without a registry are of Docker's own. */
function inFull(reference: string): string {
    const [first = "", ...rest] = reference.split("/");
    if (rest.length > 0 && (/[.:]/.test(first) || first === "localhost")) return reference;
    return rest.length > 0 ? `docker.io/${reference}` : `docker.io/library/${reference}`;
}

import type { Context } from "../resource/context";
import { messageOf, UnavailableHere } from "../resource/errors";
import { isKnown, type Checked } from "../resource/unknown";
import type { EmfClient } from "./client";
import type { OsProfileInputs } from "./osProfile.schema";

/**
 * What is to be said of a kernel that a profile newly asks for. A matter of warnings only: whatever it is, EMF hands
 * it on, and its present installers look at it no more (infra-onboarding reads it for IMMUTABLE profiles, and only the
 * template of MUTABLE ones would use it).
 */
export async function warnOfKernel(
    { metadata }: Checked<OsProfileInputs>,
    context: Context<EmfClient>,
    state: Partial<OsProfileInputs> | undefined,
): Promise<void> {
    if (!isKnown(metadata)) return;
    const kernel = metadata?.kernelversion;
    if (kernel === undefined || kernel === state?.metadata?.kernelversion) return;
    const { log, signal } = context;
    log.warn(
        `metadata kernelversion ${kernel}: present EMF versions ignore it, hosts keep the kernel of the image`,
    );
    try {
        const { kernels, settings } = context.client;
        if (await kernels.has(kernel, signal)) return;
        const place = new URL(settings.kernelIndexUrl).host;
        log.warn(
            `metadata kernelversion ${kernel} is not among the packages of ${place}: is the name right? ` +
                `(For another archive: ${settings.advice.kernelIndexUrl})`,
        );
    } catch (error) {
        if (!(error instanceof UnavailableHere)) throw error;
        log.warn(`metadata kernelversion ${kernel} was not looked up: ${messageOf(error)}`);
    }
}

import type { AnyResource } from "../resource/definition";
import { edgeHost } from "./edgeHost.handler";
import { osProfile } from "./osProfile.handler";
import { provisioningGate } from "./provisioningGate.handler";
import { region } from "./region.handler";
import { site } from "./site.handler";

/** Every kind of this system. */
export const kinds = [
    edgeHost,
    osProfile,
    provisioningGate,
    region,
    site,
] as unknown as readonly AnyResource[];

import type { AnyResource } from "../resource/definition";
import { customConfig } from "./customConfig.handler";
import { edgeHost } from "./edgeHost.handler";
import { fleetRoster } from "./fleetRoster.handler";
import { localAccount } from "./localAccount.handler";
import { osProfile } from "./osProfile.handler";
import { provisioningGate } from "./provisioningGate.handler";
import { region } from "./region.handler";
import { site } from "./site.handler";

/** Every kind of this system. */
export const kinds = [
    customConfig,
    edgeHost,
    fleetRoster,
    localAccount,
    osProfile,
    provisioningGate,
    region,
    site,
] as unknown as readonly AnyResource[];

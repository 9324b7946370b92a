import type { AnyResource } from "../resource/definition";
import { clusterGate } from "./clusterGate.handler";
import { clusterProfile } from "./clusterProfile.handler";
import { edgeCluster } from "./edgeCluster.handler";
import { edgeHost } from "./edgeHost.handler";
import { hostGate } from "./hostGate.handler";
import { registrationToken } from "./registrationToken.handler";
import { siteIso } from "./siteIso.handler";

/** Every kind of this system. */
export const kinds = [
    clusterGate,
    clusterProfile,
    edgeCluster,
    edgeHost,
    hostGate,
    registrationToken,
    siteIso,
] as unknown as readonly AnyResource[];

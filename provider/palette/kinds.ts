import type { AnyResource } from "../resource/definition";
import { edgeHost } from "./edgeHost.handler";
import { hostGate } from "./hostGate.handler";
import { registrationToken } from "./registrationToken.handler";

/** Every kind of this system. */
export const kinds = [edgeHost, hostGate, registrationToken] as unknown as readonly AnyResource[];

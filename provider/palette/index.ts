export type { PaletteArgs, PaletteProjectArgs } from "./args";
export { EdgeHost } from "./edgeHost";
export type { EdgeHostArgs } from "./edgeHost";
export { edgeHostUid } from "./edgeHostUid";
export type { ProductUuid } from "./edgeHostUid";
export { HostGate } from "./hostGate";
export type { HostGateArgs } from "./hostGate";
export { RegistrationToken } from "./registrationToken";
export type { RegistrationTokenArgs } from "./registrationToken";

export type { EmfTargetArgs } from "./args";
export { CustomConfig } from "./customConfig";
export type { CustomConfigArgs } from "./customConfig";
export { EdgeHost } from "./edgeHost";
export type { EdgeHostArgs } from "./edgeHost";
export { FleetRoster } from "./fleetRoster";
export type { FleetRosterArgs } from "./fleetRoster";
export { LocalAccount } from "./localAccount";
export type { LocalAccountArgs } from "./localAccount";
export * from "./lookUps";
export { OsProfile } from "./osProfile";
export type {
    ImageTraits,
    OsProfileArgs,
    OsProfileInput,
    OsProfileSpellings,
    PublishedImage,
} from "./osProfile";
export { ProvisioningGate } from "./provisioningGate";
export type {
    GateCommand,
    GateErrorFile,
    GateFile,
    GateHost,
    GateSsh,
    GateVerification,
    ProvisioningGateArgs,
} from "./provisioningGate";
export { Region } from "./region";
export type { RegionArgs } from "./region";
export { Site } from "./site";
export type { SiteArgs } from "./site";

export type { PaletteArgs, PaletteProjectArgs } from "./args";
export { ClusterGate } from "./clusterGate";
export type { ClusterGateArgs, ClusterGateInput, GateCluster } from "./clusterGate";
export { ClusterProfile } from "./clusterProfile";
export type {
    ClusterProfileArgs,
    PackValuesInput,
    ProfileManifestArgs,
    ProfilePackArgs,
    ProfileVariableArgs,
    ProfileVariableOption,
} from "./clusterProfile";
export { EdgeCluster } from "./edgeCluster";
export type {
    ClusterHost,
    ClusterProfileUse,
    ControlPlaneArgs,
    ControlPlaneEndpoint,
    EdgeClusterArgs,
    EdgeClusterInput,
    HostNetwork,
    MachinePoolArgs,
    NodeTaint,
    WorkerPoolArgs,
} from "./edgeCluster";
export { EdgeHost } from "./edgeHost";
export type { EdgeHostArgs } from "./edgeHost";
export { edgeHostUid } from "./edgeHostUid";
export type { ProductUuid } from "./edgeHostUid";
export { edgeNativeByoi } from "./edgeNativeByoi";
export type { EdgeNativeByoiArgs, ProviderImage } from "./edgeNativeByoi";
export { HostGate } from "./hostGate";
export type { HostGateArgs } from "./hostGate";
export { RegistrationToken } from "./registrationToken";
export type { RegistrationTokenArgs } from "./registrationToken";
export { SiteIso } from "./siteIso";
export type { SiteIsoArgs } from "./siteIso";
export { userDataFor } from "./userData";
export type { UserDataHost, UserDataToken } from "./userData";

export { HostFleet } from "./hostFleet";
export type { FleetSummary, HostFleetArgs, WaveSummary } from "./hostFleet";
export type {
    FleetGateArgs,
    FleetHost,
    HostReferences,
    HostSettings,
    NamedResource,
    NamedResources,
    Reference,
} from "./fleetSettings";
export type { Wave } from "./waves";

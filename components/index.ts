export { HostFleet } from "./hostFleet";
export type { FleetSummary, HostFleetArgs, NamedResource, WaveSummary } from "./hostFleet";
export type { Wave } from "./waves";

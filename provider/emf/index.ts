export type { EmfTargetArgs } from "./args";
export * from "./lookUps";
export { OsProfile } from "./osProfile";
export type { OsProfileArgs, OsProfileInput, OsProfileSpellings, PublishedImage } from "./osProfile";
export { Region } from "./region";
export type { RegionArgs } from "./region";
export { Site } from "./site";
export type { SiteArgs } from "./site";

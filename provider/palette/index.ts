export type { PaletteArgs, PaletteProjectArgs } from "./args";
export { edgeHostUid } from "./edgeHostUid";
export type { ProductUuid } from "./edgeHostUid";

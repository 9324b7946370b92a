export * as canvos from "./provider/canvos";
export * as components from "./components";
export * as emf from "./provider/emf";
export * as image from "./provider/image";
export * as ims from "./provider/ims";
export * as palette from "./provider/palette";

// The names of EMF's guide, for programs that work with nothing else.
export { EdgeHost, OsProfile } from "./provider/emf";

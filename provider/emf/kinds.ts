import type { AnyResource } from "../resource/definition";
import { region } from "./region.handler";
import { site } from "./site.handler";

/** Every kind of this system. */
export const kinds = [region, site] as unknown as readonly AnyResource[];

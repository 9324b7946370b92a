import type { AnyResource } from "../resource/definition";
import { customizedImage } from "./customizedImage.handler";

/** Every kind of this system. */
export const kinds = [customizedImage] as unknown as readonly AnyResource[];

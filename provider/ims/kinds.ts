import type { AnyResource } from "../resource/definition";
import { customizedImage } from "./customizedImage.handler";
import { publicKey } from "./publicKey.handler";

/** Every kind of this system. */
export const kinds = [customizedImage, publicKey] as unknown as readonly AnyResource[];

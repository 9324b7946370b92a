import type { AnyResource } from "../resource/definition";
import { customizedImage } from "./customizedImage.handler";
import { importedImage } from "./importedImage.handler";
import { publicKey } from "./publicKey.handler";

/** Every kind of this system. */
export const kinds = [customizedImage, importedImage, publicKey] as unknown as readonly AnyResource[];

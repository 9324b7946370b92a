import type { AnyResource } from "../resource/definition";
import { customizedImage } from "./customizedImage.handler";
import { importedImage } from "./importedImage.handler";
import { publicKey } from "./publicKey.handler";
import { recipeImage } from "./recipeImage.handler";

/** Every kind of this system. */
export const kinds = [
    customizedImage,
    importedImage,
    publicKey,
    recipeImage,
] as unknown as readonly AnyResource[];

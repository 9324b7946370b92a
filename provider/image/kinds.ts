import type { AnyResource } from "../resource/definition";
import { diskImage } from "./diskImage.handler";

/** Every kind of this system. */
export const kinds = [diskImage] as unknown as readonly AnyResource[];

import type { AnyResource } from "../resource/definition";
import { applianceImage } from "./applianceImage.handler";

/** Every kind of this system. */
export const kinds = [applianceImage] as unknown as readonly AnyResource[];

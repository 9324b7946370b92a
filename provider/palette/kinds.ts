import type { AnyResource } from "../resource/definition";

/** Every kind of this system. */
export const kinds = [] as unknown as readonly AnyResource[];

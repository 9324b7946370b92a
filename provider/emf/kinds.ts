import type { AnyResource } from "../resource/definition";
import { osProfile } from "./osProfile.handler";
import { edgeHost } from "./edgeHost.handler";
import { region } from "./region.handler";
import { site } from "./site.handler";

/** Every kind of this system. */
export const kinds = [edgeHost, osProfile, region, site] as unknown as readonly AnyResource[];

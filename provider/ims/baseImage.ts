import type { Context } from "../resource/context";
import type { Problem } from "../resource/problem";
import type { ImsImage } from "./api";
import type { ImsClient } from "./client";
import { findMeant, type Meant } from "./meantRecord";

const BASE = { collection: "images", noun: "image", use: "be a base", input: "baseImage" } as const;

/** The image meant, or what is wrong with the way it is named. */
export async function findBaseImage(
    base: Meant,
    context: Pick<Context<ImsClient>, "client" | "signal">,
): Promise<{ image: ImsImage } | { problem: Problem }> {
    const found = await findMeant(base, BASE, context);
    return "record" in found ? { image: found.record } : found;
}

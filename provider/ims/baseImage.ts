import type { Context } from "../resource/context";
import type { Problem } from "../resource/problem";
import type { ImsImage } from "./api";
import type { ImsClient } from "./client";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** How a base image is named: by id, or by its exact name, which several may have. */
export type BaseImage = string | { readonly name: string; readonly pick?: "only" | "newest" | undefined };

/** The image meant, or what is wrong with the way it is named. */
export async function findBaseImage(
    base: BaseImage,
    { client, signal }: Pick<Context<ImsClient>, "client" | "signal">,
): Promise<{ image: ImsImage } | { problem: Problem }> {
    if (typeof base === "string" && ID.test(base)) {
        const image = await client.get("images", base, { signal });
        if (image) return usable(image);
        const deleted = await client.getDeleted("images", base, { signal });
        const hint = deleted
            ? `; it was deleted, and can be brought back: cray ims deleted images update --operation undelete ${base}`
            : "";
        return { problem: { path: ["baseImage"], message: `there is no image ${base}${hint}` } };
    }
    const { name, pick = "only" } = typeof base === "string" ? { name: base } : base;
    const found = (await client.findByName("images", name, { signal })).filter(({ link }) => link !== null);
    const [first, ...others] = found.sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
    if (!first)
        return {
            problem: {
                path: ["baseImage"],
                message: `there is no image named ${JSON.stringify(name)} that can be a base`,
            },
        };
    if (others.length === 0 || pick === "newest") return usable(first);
    const list = [first, ...others].map(({ id, created }) => `${id} of ${created}`).join(", ");
    return {
        problem: {
            path: ["baseImage"],
            message: `${found.length} images are named ${JSON.stringify(name)} (${list}): give an id, or pick: "newest"`,
        },
    };
}

function usable(image: ImsImage): { image: ImsImage } | { problem: Problem } {
    if (image.link) return { image };
    return {
        problem: {
            path: ["baseImage"],
            message: `image ${image.name} (${image.id}) has no link: its artifacts were never uploaded, so it cannot be a base`,
        },
    };
}

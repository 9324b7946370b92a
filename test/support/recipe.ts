import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { ImsLab } from "../../lab";
import type { Recipe } from "../../lab/ims/store";
import { makeImageRoot } from "./imageRoot";

/** A recipe as the service has it after an upload: its archive in S3, and a record that links it. */
export async function registerRecipe(
    ims: ImsLab,
    name: string,
    change: (root: string) => void = () => undefined,
): Promise<Recipe> {
    const { store, objects } = ims;
    const id = store.newId();
    const place = { bucket: "ims", key: `recipes/${id}/recipe.tar.gz` };
    await objects.put(place, archiveOf(change));
    const etag = (await objects.head(place))?.etag ?? "";
    return store.recipes.put({
        ...{ id, name, created: store.now(), arch: "x86_64", recipe_type: "kiwi-ng" },
        ...{ linux_distribution: "sles15", require_dkms: true },
        template_dictionary: [{ key: "RELEASE", value: "1.6" }],
        link: { path: `s3://${place.bucket}/${place.key}`, type: "s3", etag },
    });
}

function archiveOf(change: (root: string) => void): Buffer {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "recipe-"));
    try {
        const root = path.join(folder, "root");
        makeImageRoot(root);
        change(root);
        const options = ["--numeric-owner", "--owner=0", "--group=0", "-C", folder];
        return execFileSync("tar", ["-czf", "-", ...options, "root"], { maxBuffer: 1 << 28 });
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

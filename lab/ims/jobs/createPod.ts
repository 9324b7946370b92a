import { placeOf } from "../objects";
import { Failed, Pod, POLL, SIDECAR, START } from "./pod";
import type { Containers } from "./podRecord";

const FETCH = "fetch-recipe";
const WAIT = "wait-for-repos";
const BUILD = "build-image";

/**
 * A build from a recipe. In a real system kiwi-ng installs packages from the site's repositories, and then lays the
 * recipe's folder `root` over them. The lab has neither: it takes a recipe in which `root` is everything, so that what
 * is packed is what the archive in S3 says, and nothing is made up.
 */
export class CreatePod extends Pod {
    static readonly containers: Containers = { init: [FETCH, WAIT, BUILD], main: [SIDECAR] };

    protected async work(): Promise<void> {
        if (this.job.status === "packaging_artifacts") return;
        await this.pause(START);
        this.meetDefect("creating");
        await this.fetch();
        const { report } = this.options;
        await this.init(WAIT, async () => {
            await report({ status: "waiting_for_repos" });
            await this.pause(POLL / 5);
        });
        await this.init(BUILD, async () => {
            await report({ status: "building_image" });
            this.meetDefect("building_image");
            await this.build();
        });
    }

    protected async stop(): Promise<void> {
        // Nobody is let in.
    }

    private fetch(): Promise<void> {
        return this.init(FETCH, async () => {
            const { store, objects, workspace, report, record, signal } = this.options;
            await report({ status: "fetching_recipe" });
            this.meetDefect("fetching_recipe");
            const place = placeOf(store.recipes.get(this.job.artifact_id)?.link?.path);
            const archive = place && (await objects.get(place));
            if (!archive) throw new Failed("the recipe is gone");
            record.print(FETCH, `fetching ${place.key}`);
            await workspace.unpackRecipe(archive, signal).catch((error: unknown) => {
                throw new Failed("the recipe is no tar archive packed with gzip", { cause: error });
            });
        });
    }

    private async build(): Promise<void> {
        const { workspace, certificate, record } = this.options;
        if (!(await workspace.takeRecipeRoot())) throw new Failed("the recipe has no folder root");
        record.print(BUILD, "image root made");
        await workspace.trust(certificate);
    }
}

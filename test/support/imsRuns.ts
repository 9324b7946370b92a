import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ImsLab } from "../../lab";
import type { ImsClient } from "../../provider/ims/client";
import { testContext, type TestContext, type TestContextOptions } from "./context";
import { imsClient } from "./ims";

/** Jobs of the lab take their time, and the provider must not outrun them. */
const LONGEST_SLEEP = 50;

/** Runs of rows against a lab's IMS, whose jobs are real: so are the waits, only shorter. */
export class ImsRuns {
    private readonly open: ImsClient[] = [];

    constructor(
        private readonly ims: () => ImsLab,
        private readonly kind: string,
        private readonly dir: () => string,
    ) {}

    /** What one run gets, with a client of its own. `ims` overrides its settings. */
    context({
        ims,
        ...more
    }: Partial<TestContextOptions<ImsClient>> & {
        ims?: Record<string, string>;
    } = {}): TestContext<ImsClient> {
        const { client } = imsClient(this.ims(), ims);
        this.open.push(client);
        return testContext({
            ...{ client, kind: this.kind, projectDir: this.dir() },
            sleep: (milliseconds) => sleep(Math.min(milliseconds, LONGEST_SLEEP)),
            ...more,
        });
    }

    async close(): Promise<void> {
        for (const client of this.open.splice(0)) await client.close();
    }

    /** A file of an image. */
    async fileIn(imageId: string, file: string): Promise<string> {
        return execFileSync("unsquashfs", ["-cat", await this.rootfs(imageId), file], { encoding: "utf8" });
    }

    /** An image's root file system, as a file here. */
    async rootfs(imageId: string): Promise<string> {
        const place = { bucket: "boot-images", key: `${imageId}/rootfs` };
        const packed = path.join(this.dir(), "rootfs-of-image.sqsh");
        fs.writeFileSync(packed, (await this.ims().objects.get(place)) ?? "");
        return packed;
    }

    /** Neither jobs nor keys nor half-made images, and nothing in the cluster. */
    expectNothingLeft(): void {
        const { jobs, publicKeys, images } = this.ims().store;
        expect(jobs.list(), "jobs").to.deep.equal([]);
        expect(publicKeys.list(), "keys").to.deep.equal([]);
        expect(publicKeys.listDeleted(), "deleted keys").to.deep.equal([]);
        expect(
            images.list().filter(({ link }) => link === null),
            "half-made images",
        ).to.deep.equal([]);
        expect(this.ims().kubernetesObjects()).to.deep.equal([]);
    }
}

import { expect } from "chai";
import * as fs from "node:fs";
import { startLab, type Lab } from "../../../lab";
import { testGuidePrograms } from "../../support/guideTests";
import { importImage, imsConfig } from "../../support/ims";
import { needsImageRoots } from "../../support/imageRoot";
import { registerRecipe } from "../../support/recipe";
import { publicKey } from "../../support/sshKeys";

const GUIDE = "docs/ims.md";

/** Files beside a program. */
const FILES: Readonly<Record<string, string>> = {
    "files/chrony.conf": "server ntp.example.com\n",
    "setup.sh": "#!/bin/sh\n",
    "bootprep.yaml": /^```yaml\n([\s\S]*?)^```$/m.exec(fs.readFileSync(GUIDE, "utf8"))?.[1] ?? "",
    ...{ "build/rootfs.sqsh": "hsqs", "build/vmlinuz": "a kernel\n", "build/initrd": "an initrd\n" },
    "operators.pub": `${publicKey("ssh-ed25519")} operators@example.com\n`,
};

describe(`the programs of ${GUIDE}`, function () {
    this.timeout(60_000);
    let lab: Lab;

    before(async function () {
        needsImageRoots(this);
        lab = await startLab({ emf: false, images: false, ims: true });
        await importImage(lab.ims, "cos-3.1-compute");
        await registerRecipe(lab.ims, "cos-3.1-recipe");
    });
    after(() => lab.close());

    testGuidePrograms({
        ...{ file: GUIDE, programs: 7, files: FILES },
        site: () => {
            const { clientSecret, ...open } = imsConfig(lab.ims);
            return {
                config: { "edge-os:ims": open },
                env: { EDGE_OS_IMS_CLIENT_SECRET: clientSecret },
                afterPreview: () => {
                    // Access to the storage, in which a base's manifest tells its kernel, is asked for by a PUT.
                    const routes = Object.keys(lab.ims.calls().routes);
                    const writes = routes.filter((route) =>
                        /^(POST|PUT|PATCH|DELETE) apis\/(?!sts)/.test(route),
                    );
                    expect(writes, "writes in a preview").to.deep.equal([]);
                },
            };
        },
    });
});

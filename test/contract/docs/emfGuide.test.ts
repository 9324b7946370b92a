import { HOSTS_CSV_HEADER } from "../../../components/hostsCsv";
import { startLab, type Lab } from "../../../lab";
import { testGuidePrograms } from "../../support/guideTests";
import { PROFILE } from "../../support/traps";
import { publicKey } from "../../support/sshKeys";

const GUIDE = "docs/emf.md";

/** Files beside a program. */
const FILES: Readonly<Record<string, string>> = {
    "hosts.csv": `${HOSTS_CSV_HEADER.join(",")}\nSN00001\nSN00002,,,,,,line=4\nSN00003\n`,
    "operators.pub": `${publicKey("ssh-ed25519")} operators@example.com\n`,
    "proxy.yaml": "#cloud-config\napt: { http_proxy: http://proxy.example.com:3128 }\n",
};

describe(`the programs of ${GUIDE}`, () => {
    let lab: Lab;
    before(async () => {
        lab = await startLab({ images: false });
        await lab.emf.create("sites", { name: "store-17" });
        for (const [i, name] of ["ubuntu-edge-24.04.1", "ubuntu-edge-24.04.2"].entries()) {
            const imageUrl = `https://images.example.com/${name}.raw.gz`;
            await lab.emf.create("compute/os", { ...PROFILE, name, imageUrl, sha256: String(i).repeat(64) });
        }
    });
    after(() => lab.close());

    testGuidePrograms({
        ...{ file: GUIDE, programs: 5, files: FILES, allowed: ["warning"] },
        site: () => {
            const { endpoint, keycloak, project, username, password, caFile } = lab.emf;
            return {
                config: { "edge-os:emf": { endpoint, keycloak, project, username, caFile } },
                env: { EDGE_OS_EMF_PASSWORD: password },
            };
        },
    });
});

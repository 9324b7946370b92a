import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { edgeOs, labEnvironment, type Outcome } from "./edgeOs";

const GIB = 2 ** 30;

describe("edge-os fit, with hosts that have reported their hardware", function () {
    this.timeout(60_000);
    let folder: string;
    let lab: Lab;

    before(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-fit-"));
        lab = await startLab({ images: false, speed: 50, autoBoot: true });
        await lab.emf.create("compute/hosts/register", {
            name: "till",
            serialNumber: "SN0001",
            autoOnboard: true,
        });
        await until(async () => {
            const [host] = await lab.emf.list("compute/hosts");
            return Array.isArray(host?.hostStorages) && host.hostStorages.length > 0;
        });
    });
    after(async () => {
        await lab.close();
        fs.rmSync(folder, { recursive: true, force: true });
    });

    function fit(diskBytes: number, ...words: string[]): Promise<Outcome> {
        const image = {
            ...{ fileName: "a.raw", sha256: "0".repeat(64), sizeBytes: 1 },
            ...{ format: "raw", compression: "none" },
        };
        const pci = {
            kernel: "6.8.0-45",
            devices: { "8086": { i915: "46d0", igc: "15f3" } },
            classes: { "010601": ["ahci"] },
        };
        const disk = { sizeBytes: diskBytes, partitions: [] };
        const manifest = { manifestVersion: 1, image, disk, architecture: "x86_64", pci, unread: {} };
        fs.writeFileSync(path.join(folder, "a.json"), JSON.stringify(manifest));
        return edgeOs(["fit", "a.json", ...words], { cwd: folder, env: labEnvironment(lab) });
    }

    it("tells those that fit, and what cannot be known of them", async () => {
        const { code, out, err } = await fit(40 * GIB, "--pci", "8086:15f3");
        expect({ code, err }).to.deep.equal({ code: 0, err: "" });
        expect(out).to.match(/SN0001 +fits +not known: fit\.nic\.eth0\n/);
        expect(out).to.match(/\na\.raw: fits 1 of 1 host in project /);
    });

    it("ends with 1 when one does not", async () => {
        const { code, out } = await fit(900 * GIB, "--pci", "15b3:1017", "--host", "SN0001");
        expect(code).to.equal(1);
        expect(out).to.match(/does not fit +fit\.disk: the image needs a disk of 900 GiB/);
        expect(out).to.contain("fit.pci.15b3:1017: kernel 6.8.0-45 has no driver for PCI device 15b3:1017");
        const { hosts } = JSON.parse((await fit(900 * GIB, "--json")).out) as {
            hosts: { verdict: string }[];
        };
        expect(hosts.map(({ verdict }) => verdict)).to.deep.equal(["does not fit"]);
    });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 30_000; Date.now() < end;) {
        if (await condition()) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("has not come within 30 s");
}

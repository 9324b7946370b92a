import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { startLab } from "../../../lab";
import { call, login } from "./client";

describe("a stopped and restarted lab", () => {
    let dir: string;
    beforeEach(() => (dir = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-lab-test-"))));
    afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

    it("has the addresses, certificates, credentials, data and machines it had", async () => {
        const first = await startLab({ dir });
        const { endpoint, keycloak, password, projectUid } = first.emf;
        const before = {
            endpoint,
            keycloak,
            password,
            projectUid,
            ca: first.ca,
            certificate: first.images.certificate,
        };
        const { baseUrl } = first.images;
        fs.writeFileSync(path.join(first.images.directory, "u.raw"), "content");
        const granted = await login(first.emf);
        const region = await first.emf.create("regions", { name: "north" });
        first.emf.addDevice({ serial: "SN00001", uuid: "0f2d4b8a-93a1-4b5c-9d5e-1c2b3a4d5e6f" }).boot();
        await first.close();

        await using second = await startLab({ dir });
        const again = second.emf;
        expect({
            endpoint: again.endpoint,
            keycloak: again.keycloak,
            password: again.password,
            projectUid: again.projectUid,
            ca: second.ca,
            certificate: second.images.certificate,
        }).to.deep.equal(before);
        expect(await again.list("regions")).to.deep.equal([region]);
        expect(again.device("SN00001").state).to.include({
            uuid: "0f2d4b8a-93a1-4b5c-9d5e-1c2b3a4d5e6f",
            power: "on",
            running: "installer",
        });
        const headers = { authorization: `Bearer ${String(granted.access_token)}` };
        const lookup = await call(`${endpoint}/v1/projects/${again.project}`, second.ca, { headers });
        expect(lookup.status, "a token of before").to.equal(200);
        expect((await call(`${baseUrl}/u.raw`, second.ca)).text).to.equal("content");
    });

    it("loses only the last moment when it is not closed", async () => {
        const first = await startLab({ dir });
        const { resourceId } = await first.emf.create("regions", { name: "north" });
        const file = path.join(dir, "emf-data.json");
        const deadline = Date.now() + 5000;
        while (!fs.readFileSync(file, "utf8").includes(resourceId)) {
            expect(Date.now(), "written in time").to.be.below(deadline);
            await new Promise((resolve) => setImmediate(resolve));
        }
        expect(fs.readdirSync(dir).filter((name) => name.endsWith(".tmp"))).to.deep.equal([]);
        await first.close();
    });

    it("says so when another process has taken its port", async () => {
        const first = await startLab({ dir, images: false });
        const { port } = new URL(first.emf.endpoint);
        await first.close();
        const thief = net.createServer().listen(Number(port), "127.0.0.1");
        await new Promise((resolve) => thief.once("listening", resolve));
        try {
            const failure = await startLab({ dir, images: false }).then(
                () => undefined,
                (error: unknown) => error as Error,
            );
            expect(failure?.message).to.contain(`127.0.0.1:${port}`).and.to.contain("ports.json");
        } finally {
            await new Promise((resolve) => thief.close(resolve));
        }
    });

    it("names a damaged file instead of forgetting", async () => {
        await (await startLab({ dir, images: false })).close();
        const file = path.join(dir, "emf-data.json");
        fs.writeFileSync(file, "{");
        const failure = await startLab({ dir, images: false }).then(
            () => undefined,
            (error: unknown) => error as Error,
        );
        expect(failure?.message).to.contain(file);
        expect(fs.readFileSync(file, "utf8")).to.equal("{");
    });

    it("removes the folder it has made for itself", async () => {
        const lab = await startLab();
        expect(fs.existsSync(lab.dir)).to.equal(true);
        await lab.close();
        expect(fs.existsSync(lab.dir)).to.equal(false);
    });
});

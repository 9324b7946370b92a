import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../../lab";
import type { ImsClient } from "../../../provider/ims/client";
import { readImsSettings } from "../../../provider/ims/settings";
import { testHost } from "../../support/context";
import { failure } from "../../support/failure";
import { imsClient } from "../../support/ims";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleEx";
const NOBODY = "11111111-2222-4333-8444-555555555555";

describe("the IMS client against the lab", () => {
    let lab: Lab;
    let client: ImsClient;
    const open: ImsClient[] = [];

    before(async () => {
        lab = await startLab({ emf: false, images: false, ims: true });
    });
    beforeEach(() => {
        client = connect();
    });
    afterEach(async () => {
        lab.ims.clearFaults();
        for (const one of open.splice(0)) await one.close();
        const { publicKeys, images, jobs } = lab.ims.store;
        for (const records of [publicKeys, images, jobs]) {
            for (const { id } of records.list()) records.remove(id);
            for (const { id } of records.listDeleted()) records.forget(id);
        }
    });
    after(() => lab.close());

    function connect(overrides?: Record<string, string | undefined>): ImsClient {
        const { client: connected } = imsClient(lab.ims, overrides);
        open.push(connected);
        return connected;
    }

    async function refusalOf(attempt: Promise<unknown>): Promise<string> {
        const message = await failure(attempt);
        for (const secret of [lab.ims.clientSecret, lab.ims.password]) expect(message).to.not.include(secret);
        return message;
    }

    describe("logs in", () => {
        it("as a service account, as a user, and with a ready token", async () => {
            const { username, password } = lab.ims;
            const user = connect({ clientId: undefined, clientSecret: undefined, username, password });
            for (const one of [client, user]) expect(await one.list("images")).to.deep.equal([]);
        });

        it("and says what to check when it is refused", async () => {
            expect(await refusalOf(connect({ clientSecret: "wrong" }).list("images")))
                .to.include('login of service account "admin-client"')
                .and.include("edge-os:ims.clientSecret or EDGE_OS_IMS_CLIENT_SECRET");
            expect(
                await refusalOf(connect({ clientSecret: undefined, token: "worn-out" }).list("images")),
            ).to.include("edge-os:ims.token or EDGE_OS_IMS_TOKEN");
        });

        it("again when the login has run out in the middle", async () => {
            await client.list("images");
            const fault = lab.ims.fault({ on: "GET images", do: "status", status: 401, times: 1 });
            expect(await client.list("images", { maxAge: 0 })).to.deep.equal([]);
            expect(fault.hits).to.equal(1);
        });

        it("and explains what is missing or wrong, all together", () => {
            const host = testHost({ config: { "edge-os:ims": { endpoint: "http://a", pasword: "x" } } });
            expect(() => readImsSettings(undefined, host))
                .to.throw()
                .with.property("message")
                .that.includes('there is no setting "pasword"; did you mean password?')
                .and.includes("must be an https:// address")
                .and.includes("there is nothing to log in with");
        });
    });

    it("tells a record that is gone from an address that is wrong", async () => {
        expect(await client.get("images", NOBODY)).to.equal(undefined);
        const elsewhere = connect({ endpoint: `${lab.ims.endpoint}/apis`, keycloak: realm() });
        expect(await refusalOf(elsewhere.get("images", NOBODY))).to.include("edge-os:ims.endpoint");
        expect(await refusalOf(client.get("images", "../jobs"))).to.include("is not an id of IMS");
    });

    it("makes a record once when the answer to its creation is lost", async () => {
        lab.ims.fault({ on: "POST public-keys", do: "reset", after: "write", times: 1 });
        const made = await client.createOnce(
            "public-keys",
            { name: "token-1", public_key: KEY },
            { same: ({ name }) => name === "token-1" },
        );
        expect(lab.ims.store.publicKeys.list().map(({ id }) => id)).to.deep.equal([made.id]);
    });

    it("does not repeat a creation that never got there", async () => {
        lab.ims.fault({ on: "POST public-keys", do: "status", status: 503, times: 1 });
        const attempt = client.createOnce(
            "public-keys",
            { name: "token-1", public_key: KEY },
            { same: ({ name }) => name === "token-1" },
        );
        expect(await refusalOf(attempt)).to.include("HTTP 503");
        expect(lab.ims.store.publicKeys.list()).to.deep.equal([]);
    });

    it("asks for a list once, and anew after its own writes", async () => {
        await Promise.all([client.list("images"), client.list("images")]);
        const image = await client.createOnce("images", { name: "base" }, { same: () => false });
        expect((await client.findByName("images", "base")).map(({ id }) => id)).to.deep.equal([image.id]);
        expect(lab.ims.calls().routes["GET apis/ims/v3/images"]).to.equal(2);
    });

    it("deletes softly, brings back, and removes for good", async () => {
        const { id } = await client.createOnce("images", { name: "base" }, { same: () => false });
        await client.setMetadata(id, "team", "hpc");
        await client.remove("images", id);
        expect(await client.get("images", id)).to.equal(undefined);
        expect(await client.getDeleted("images", id)).to.include({ id, name: "base" });
        await client.undelete("images", id);
        expect((await client.get("images", id))?.metadata).to.deep.equal({ team: "hpc" });
        await client.remove("images", id);
        await client.forget("images", id);
        for (const done of [client.remove("images", id), client.forget("images", id)]) await done;
        expect(await client.getDeleted("images", id)).to.equal(undefined);
    });

    it("says what is known of an error without a text", async () => {
        const attempt = client.createOnce("images", [{ name: "a" }], { same: () => false });
        expect(await refusalOf(attempt))
            .to.include("does not say why")
            .and.include("manifest in S3");
    });

    it("shows the fields that the service refuses", async () => {
        const attempt = client.createOnce("images", { name: "a", size: 1 }, { same: () => false });
        expect(await refusalOf(attempt)).to.include('{"size":["Unknown field."]}');
    });

    it("reaches the storage with what the token service hands out", async () => {
        const storage = await client.storage();
        await storage.putBytes("boot-images", "a/manifest.json", Buffer.from("{}"), {
            metadata: { md5sum: "x" },
        });
        expect((await storage.head("boot-images", "a/manifest.json"))?.metadata).to.deep.equal({
            md5sum: "x",
        });
        expect((await client.storage()) === storage, "the same client").to.equal(true);
        await storage.remove("boot-images", "a/manifest.json");
    });

    it("names caFile when the platform's CA is not known", async () => {
        const file = path.join(os.tmpdir(), `ims-other-ca-${process.pid}.pem`);
        const other = await startLab({ emf: false, images: false });
        fs.copyFileSync(other.caFile, file);
        await other.close();
        try {
            expect(await refusalOf(connect({ caFile: file }).list("images"))).to.include(
                "edge-os:ims.caFile",
            );
        } finally {
            fs.rmSync(file);
        }
    });

    function realm(): string {
        return `${lab.ims.endpoint}/keycloak/realms/shasta`;
    }
});

import { expect } from "chai";
import { osProfile } from "../../../provider/emf/osProfile.handler";
import { Row } from "../../support/row";
import { failure, PROFILE, SHA, TrapLab } from "../../support/traps";

const CERTIFICATE = Buffer.from("-----BEGIN CERTIFICATE-----").toString("base64");
const OTHER_CERTIFICATE = Buffer.from("-----BEGIN CERTIFICATE-----\n").toString("base64");

/** The rest of what a program gives; nothing serves the image, so its URL is one that EMF's own service has. */
const INPUTS = {
    name: "ubuntu",
    imageUrl: "files-edge-orch/repository/ubuntu.raw.gz",
    sha256: SHA,
    type: "IMMUTABLE",
    securityFeature: "NONE",
};

describe("traps of EMF's OS profiles", () => {
    let traps: TrapLab;
    before(async () => {
        traps = await TrapLab.start();
    });
    after(() => traps[Symbol.asyncDispose]());
    afterEach(async () => {
        for (const { resourceId } of await traps.lab.emf.list("compute/os")) {
            await traps.lab.emf.remove("compute/os", resourceId);
        }
    });

    it("a certificate that is patched beside another field is dropped without a word", async () => {
        const { resourceId } = await traps.profile({ tlsCaCert: CERTIFICATE });
        const body = { sha256: SHA, tlsCaCert: OTHER_CERTIFICATE, architecture: "x86_64" };
        await traps.taken("PATCH", `compute/os/${resourceId}`, body);
        expect(await traps.lab.emf.get("compute/os", resourceId)).to.include({
            architecture: "x86_64",
            tlsCaCert: CERTIFICATE,
        });

        traps.lab.emf.resetCalls();
        expect((await failure(traps.client().patch("os", resourceId, body))).message).to.contain(
            "drops a certificate that is sent with other fields",
        );
        expect(traps.lab.emf.calls().writes).to.equal(0);
    });

    it("an empty certificate clears nothing", async () => {
        const { resourceId } = await traps.profile({ tlsCaCert: CERTIFICATE });
        await traps.taken("PATCH", `compute/os/${resourceId}`, { sha256: SHA, tlsCaCert: "" });
        expect((await traps.lab.emf.get("compute/os", resourceId)).tlsCaCert).to.equal(CERTIFICATE);

        await traps.lab.emf.remove("compute/os", resourceId);
        const row = new Row(osProfile);
        await row.up({ ...INPUTS, tlsCaCert: Buffer.from(traps.lab.ca).toString("base64") }, traps.run());
        const { message } = await failure(row.up({ ...INPUTS, tlsCaCert: "" }, traps.run()));
        expect(message).to.contain("which EMF cannot clear");
    });

    it("a PATCH of the checksum alone is taken and changes nothing", async () => {
        const { resourceId } = await traps.profile();
        await traps.taken("PATCH", `compute/os/${resourceId}`, { sha256: "0".repeat(64) });
        expect((await traps.lab.emf.get("compute/os", resourceId)).sha256).to.equal(SHA);

        const client = traps.client();
        expect((await failure(client.patch("os", resourceId, { sha256: SHA }))).message).to.contain(
            "empty PATCH",
        );
    });

    it("an immutable field in a PATCH is dropped with 200", async () => {
        const { resourceId } = await traps.profile({ imageUrl: "https://a.test/a.raw.gz" });
        await traps.taken("PATCH", `compute/os/${resourceId}`, {
            sha256: SHA,
            architecture: "x86_64",
            imageUrl: "https://a.test/b.raw.gz",
        });
        expect((await traps.lab.emf.get("compute/os", resourceId)).imageUrl).to.equal(
            "https://a.test/a.raw.gz",
        );

        const row = new Row(osProfile);
        await row.up(INPUTS, traps.run());
        const other = { ...INPUTS, imageUrl: "files-edge-orch/repository/other.raw.gz" };
        expect((await failure(row.up(other, traps.run()))).message).to.contain("imageUrl: ");
    });

    it("a PATCH with the name, even the present one, is refused as a whole", async () => {
        const { resourceId } = await traps.profile({ name: "ubuntu" });
        const body = { sha256: SHA, name: "ubuntu", architecture: "x86_64" };
        expect(await traps.refused(400, "PATCH", `compute/os/${resourceId}`, body)).to.contain("immutable");
        expect((await traps.lab.emf.get("compute/os", resourceId)).architecture).to.equal("");

        await traps.lab.emf.remove("compute/os", resourceId);
        const row = new Row(osProfile);
        await row.up(INPUTS, traps.run());
        await row.up({ ...INPUTS, architecture: "x86_64" }, traps.run());
        expect((await traps.lab.emf.list("compute/os"))[0]).to.include({
            name: "ubuntu",
            architecture: "x86_64",
        });
    });

    it("a PUT without the name blanks name, architecture and metadata", async () => {
        const { resourceId } = await traps.profile({
            name: "ubuntu",
            architecture: "x86_64",
            metadata: '{"a":"b"}',
        });
        await traps.taken("PUT", `compute/os/${resourceId}`, PROFILE);
        expect(await traps.lab.emf.get("compute/os", resourceId)).to.include({
            name: "",
            architecture: "",
            metadata: "",
        });

        const row = new Row(osProfile);
        const full = { ...INPUTS, architecture: "x86_64", metadata: { a: "b" } };
        await row.up(full, traps.run());
        await row.up({ ...full, metadata: { a: "c" } }, traps.run());
        const profile = (await traps.lab.emf.list("compute/os")).find(({ name }) => name === "ubuntu");
        expect(profile).to.include({ architecture: "x86_64" });
        expect(profile?.metadata).to.contain('"a":"c"');
        expect(
            Object.keys(traps.lab.emf.calls().routes).filter((route) => route.startsWith("PUT ")),
        ).to.deep.equal(["PUT compute/os/{id}"]);
    });

    it("a property that EMF fills itself is refused in a request, several in one message", async () => {
        const text = await traps.refused(400, "POST", "compute/os", {
            ...PROFILE,
            resourceId: "os-00000000",
            profileVersion: "1",
        });
        expect(text).to.contain("readOnly property").and.contain(" | ");
        expect(text).not.to.contain('"code"');

        // What was read goes back into a create: only what EMF takes is sent.
        const made = await traps.profile({ ...INPUTS_AS_API, description: "first" });
        const row = new Row(osProfile);
        await row.up({ ...INPUTS, adopt: true }, traps.run());
        await traps.lab.emf.remove("compute/os", made.resourceId);
        expect(await row.refresh(traps.run())).to.equal("gone");
        expect(await row.up({ ...INPUTS, adopt: true }, traps.run())).to.equal("created");
    });

    it("a property that EMF does not know is refused, not ignored", async () => {
        const text = await traps.refused(400, "POST", "compute/os", { ...PROFILE, tlsCert: CERTIFICATE });
        expect(text).to.contain("request body has an error");
        const guide = { ...INPUTS, tlsCert: CERTIFICATE };
        expect((await failure(new Row(osProfile).up(guide, traps.run()))).message).to.contain("tlsCert");
    });

    it("null for a text is refused", async () => {
        await traps.refused(400, "POST", "compute/os", { ...PROFILE, description: null });
        await new Row(osProfile).up({ ...INPUTS, description: undefined }, traps.run());
        expect(await traps.lab.emf.list("compute/os")).to.have.lengthOf(1);
    });

    it("the guides' metadata in lines is refused for its line breaks", async () => {
        const lines = 'line: "4"\nshift: night\n';
        await traps.refused(400, "POST", "compute/os", { ...PROFILE, metadata: lines });
        await new Row(osProfile).up({ ...INPUTS, metadata: lines }, traps.run());
        const [profile] = await traps.lab.emf.list("compute/os");
        expect(profile?.metadata)
            .to.contain('"line":"4"')
            .and.contain('"shift":"night"')
            .and.not.contain("\n");
    });

    it("metadata comes back sorted and without blanks, which is no drift", async () => {
        const made = await traps.profile({ metadata: '{ "b": "1", "a": "2" }' });
        expect(made.metadata).to.equal('{"a":"2","b":"1"}');
        const row = new Row(osProfile);
        await row.up({ ...INPUTS, metadata: { b: "1", a: "2" } }, traps.run());
        expect(await row.refresh(traps.run())).to.deep.equal([]);
    });

    it("a number, an object or a bool in metadata is an internal error", async () => {
        for (const value of ["4", "{}", "true", "[]"]) {
            await traps.refused(500, "POST", "compute/os", { ...PROFILE, metadata: `{"line":${value}}` });
        }
        for (const metadata of [{ line: 4 }, { line: {} }, { line: true }]) {
            traps.lab.emf.resetCalls();
            expect(
                (await failure(new Row(osProfile).up({ ...INPUTS, metadata }, traps.run()))).message,
            ).to.match(/^metadata/);
            expect(traps.lab.emf.calls().writes).to.equal(0);
        }
    });

    it("null and an empty key in metadata are taken", async () => {
        await traps.profile({ metadata: '{"":"x"}' });
        await traps.profile({ metadata: '{"line":null}' });
        for (const metadata of [{ "": "x" }, { line: null }]) {
            await failure(new Row(osProfile).up({ ...INPUTS, metadata }, traps.run()));
        }
        expect(await traps.lab.emf.list("compute/os")).to.have.lengthOf(2);
    });

    it("an image URL is any text, and a certificate any base64", async () => {
        await traps.profile({ imageUrl: "not a url at all", tlsCaCert: "YQ==" });
        for (const given of [{ imageUrl: "ftp://a.test/b.raw.gz" }, { tlsCaCert: "YQ==" }]) {
            const { message } = await failure(new Row(osProfile).up({ ...INPUTS, ...given }, traps.run()));
            expect(message).to.match(new RegExp(`^${Object.keys(given).join("")}: `));
        }
    });

    it("an apostrophe or a backslash in an image URL is refused, a query that hides the suffix is not", async () => {
        for (const url of ["https://a.test/it's.raw.gz", "https://a.test/a\\b.raw.gz"]) {
            await traps.refused(400, "POST", "compute/os", { ...PROFILE, imageUrl: url });
            await failure(new Row(osProfile).up({ ...INPUTS, imageUrl: url }, traps.run()));
        }
        await traps.profile({ imageUrl: "https://a.test/a.raw.gz?version=2" });
        const query = { ...INPUTS, imageUrl: "https://a.test/a.raw.gz?version=2" };
        expect((await failure(new Row(osProfile).up(query, traps.run()))).message).to.match(/^imageUrl/);
    });

    it("a CVE address that is no URI reference passes the description and fails in the service", async () => {
        const text = await traps.refused(400, "POST", "compute/os", { ...PROFILE, existingCvesUrl: "a b" });
        expect(text).to.contain("must be a valid URI Reference").and.contain('"code"');
        expect(
            (await failure(new Row(osProfile).up({ ...INPUTS, existingCvesUrl: "a b" }, traps.run())))
                .message,
        ).to.match(/^existingCvesUrl/);
    });

    it("names differ by case, and many profiles may have none", async () => {
        await traps.profile({ name: "Ubuntu" });
        await traps.profile({});
        await traps.profile({ name: "" });
        await new Row(osProfile).up(INPUTS, traps.run());
        expect(await traps.lab.emf.list("compute/os")).to.have.lengthOf(4);
        expect((await failure(new Row(osProfile).up({ ...INPUTS, name: "" }, traps.run()))).message).to.match(
            /^name/,
        );
    });

    it("a taken name is a bad request, not a conflict", async () => {
        await traps.profile({ name: "ubuntu" });
        const text = await traps.refused(400, "POST", "compute/os", { ...PROFILE, name: "ubuntu" });
        expect(text).to.contain("FailedPrecondition").and.contain("operatingsystemresource_name_tenant_id");
        const error = await failure(
            traps.client().createOnce("os", { ...PROFILE, name: "ubuntu" }, { same: () => false }),
        );
        expect(error).to.include({ constraint: "operatingsystemresource_name_tenant_id", status: 400 });
    });

    it("a profile cannot be deleted while an instance that is itself being deleted still uses it", async () => {
        await using still = await TrapLab.start({ workers: false });
        const { resourceId } = await still.profile();
        const instance = await still.taken("POST", "compute/instances", { osID: resourceId });
        await still.taken("DELETE", `compute/instances/${instance.resourceId}`);
        expect(await still.refused(400, "DELETE", `compute/os/${resourceId}`)).to.contain("23503");
        const error = await failure(still.client().remove("os", resourceId));
        expect(error.name).to.equal("InUse");
    });
});

const INPUTS_AS_API = {
    name: INPUTS.name,
    imageUrl: INPUTS.imageUrl,
    osType: "OS_TYPE_IMMUTABLE",
    securityFeature: "SECURITY_FEATURE_NONE",
};

import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { expect } from "chai";
import { startLab, type Lab } from "../../../lab";
import { checkInputs } from "../../../provider/resource/check";
import type { AnyResource } from "../../../provider/resource/definition";
import { diffInputs } from "../../../provider/resource/diff";
import { fingerprintOf } from "../../../provider/emf/certificate";
import { EMF_CLAIM_KEY } from "../../../provider/emf/claims";
import type { EmfClient } from "../../../provider/emf/client";
import { osProfile } from "../../../provider/emf/osProfile.handler";
import type { OsProfileInputs, OsProfileOutputs } from "../../../provider/emf/osProfile.schema";
import { testContext, type TestContext } from "../../support/context";
import { labClient } from "../../support/emf";

const SHA = "6f7aef82c1aae6c914a9f173a6be91b0a222027937f5afcc87c2b12a9d71c056";
const OTHER_SHA = "bc471ca49de03b5129c65b70f9862b7f4b5e721622fd34ade78132f6f7999e2d";

type Program = Record<string, unknown>;

interface Row {
    id: string;
    inputs: OsProfileInputs;
    outputs: OsProfileOutputs;
}

describe("emf.OsProfile against the lab", () => {
    let lab: Lab;
    let context: TestContext<EmfClient>;
    const clients: EmfClient[] = [];

    before(async () => {
        lab = await startLab();
        for (const name of ["ubuntu.raw.gz", "ubuntu.img"]) {
            fs.writeFileSync(path.join(lab.images.directory, name), "an image");
        }
    });
    after(async () => {
        await Promise.all(clients.map((client) => client.close()));
        await lab.close();
    });
    afterEach(async () => {
        lab.emf.clearFaults();
        for (const { resourceId } of await lab.emf.list("compute/instances")) {
            lab.emf.store.manager({ op: "delete", kind: "instance", resourceId });
        }
        for (const { resourceId } of await lab.emf.list("compute/os")) {
            await lab.emf.remove("compute/os", resourceId);
        }
    });

    function program(overrides: Program = {}): Program {
        return {
            name: "ubuntu-edge-1",
            imageUrl: `${lab.images.baseUrl}/ubuntu.raw.gz`,
            sha256: SHA,
            type: "MUTABLE",
            securityFeature: "NONE",
            metadata: { line: "4" },
            ...overrides,
        };
    }

    /** A new run of the program. */
    function run(options: { name?: string; stack?: string; project?: string; preview?: boolean } = {}): void {
        const { client } = labClient(lab, options.project === undefined ? {} : { project: options.project });
        clients.push(client);
        context = testContext({ client, kind: "emf.OsProfile", name: "ubuntu", ...options });
    }

    async function check(
        given: Program,
        row?: Row,
    ): Promise<{ inputs: OsProfileInputs; problems: string[] }> {
        const definition = osProfile as unknown as AnyResource;
        const { inputs, problems } = await checkInputs(definition, given, row?.inputs, context);
        return {
            inputs: inputs as unknown as OsProfileInputs,
            problems: problems.map(({ path: where, message }) => `${where.join(".")}: ${message}`),
        };
    }

    /** What an engine does: check, then create, update or nothing. */
    async function up(given: Program, row?: Row): Promise<Row> {
        const { inputs, problems } = await check(given, row);
        if (problems.length > 0) throw new Error(problems.join("\n"));
        if (!row) {
            const { id, outputs } = await osProfile.create(inputs, context);
            return { id, inputs, outputs };
        }
        const { changed } = diffInputs(osProfile, row.inputs, inputs);
        if (changed.length === 0) return { ...row, inputs };
        const { outputs } = await osProfile.update(row.id, row, inputs, context);
        return { id: row.id, inputs, outputs: { ...row.outputs, ...outputs } };
    }

    async function refresh(row: Row): Promise<Row | undefined> {
        const found = await osProfile.read(row.id, row, context);
        return (
            found && {
                id: row.id,
                inputs: { ...row.inputs, ...found.inputs },
                outputs: { ...row.outputs, ...found.outputs },
            }
        );
    }

    function changes(row: Row, given: OsProfileInputs): string[] {
        return diffInputs(osProfile, row.inputs, given).changed;
    }

    async function fails(promise: Promise<unknown>, text: string): Promise<string> {
        try {
            await promise;
        } catch (error) {
            expect((error as Error).message).to.contain(text);
            return (error as Error).message;
        }
        throw new Error(`did not fail with: ${text}`);
    }

    beforeEach(() => {
        run();
    });

    it("registers a profile with the image server's own certificate, and finds it unchanged", async () => {
        const row = await up(program());
        expect(row.id).to.equal(`${lab.emf.projectUid}/ubuntu-edge-1`);
        const stored = await lab.emf.get("compute/os", row.outputs.resourceId);
        expect(stored).to.include({ name: "ubuntu-edge-1", sha256: SHA, osType: "OS_TYPE_MUTABLE" });
        expect(stored.osProvider).to.equal("OS_PROVIDER_KIND_INFRA");
        expect(JSON.parse(stored.metadata as string)).to.deep.equal({
            line: "4",
            [EMF_CLAIM_KEY]: row.outputs.claim,
        });
        expect(stored.tlsCaCert).to.equal(Buffer.from(lab.images.certificate).toString("base64"));

        run();
        const again = await refresh(row);
        expect(again).to.deep.equal(row);
        run();
        expect(changes(row, (await check(program(), row)).inputs)).to.deep.equal([]);
    });

    it("changes metadata and architecture in place, and clears what is no longer given", async () => {
        const row = await up(program({ architecture: "x86_64" }));
        await lab.emf.patch("compute/os", row.outputs.resourceId, {
            sha256: SHA,
            metadata: JSON.stringify({ line: "4", owner: "ops", [EMF_CLAIM_KEY]: row.outputs.claim }),
        });
        run();
        const changed = await up(program({ metadata: { plant: "2" } }), row);
        expect(changed.outputs).to.deep.equal(row.outputs);
        const stored = await lab.emf.get("compute/os", row.outputs.resourceId);
        expect(JSON.parse(stored.metadata as string)).to.deep.equal({
            owner: "ops",
            plant: "2",
            [EMF_CLAIM_KEY]: row.outputs.claim,
        });
        expect(stored.architecture).to.equal("");
    });

    it("shows what was changed behind its back, and repairs it", async () => {
        const row = await up(program());
        await lab.emf.patch("compute/os", row.outputs.resourceId, {
            sha256: SHA,
            metadata: JSON.stringify({ line: "5" }),
        });
        await lab.emf.patch("compute/os", row.outputs.resourceId, { sha256: SHA, tlsCaCert: "YWJjZA==" });
        run();
        const drifted = await refresh(row);
        const wanted = (await check(program(), drifted)).inputs;
        expect(drifted && changes(drifted, wanted)).to.deep.equal(["metadata", "pinnedFingerprint"]);
        await up(program(), drifted);
        const stored = await lab.emf.get("compute/os", row.outputs.resourceId);
        expect(stored.tlsCaCert).to.equal(row.inputs.pinnedCertificate);
        expect(JSON.parse(stored.metadata as string)).to.deep.equal({
            line: "4",
            [EMF_CLAIM_KEY]: row.outputs.claim,
        });
    });

    it("is gone only when EMF says so, and is made again under the same id", async () => {
        const row = await up(program());
        run();
        lab.emf.fault({ on: "GET compute/os", do: "status", status: 403, body: { message: "Forbidden" } });
        await fails(osProfile.read(row.id, row, context), "forbidden");
        lab.emf.clearFaults();
        await lab.emf.remove("compute/os", row.outputs.resourceId);
        run();
        expect(await refresh(row)).to.equal(undefined);
        // Without a refresh the update finds nothing and makes it anew.
        run();
        const again = await up(program({ metadata: { line: "5" } }), row);
        expect(again.id).to.equal(row.id);
        expect(again.outputs.resourceId).not.to.equal(row.outputs.resourceId);
    });

    it("exists once when the answer to its creation is lost", async () => {
        for (const fault of [{ do: "reset" }, { do: "status", status: 504 }] as const) {
            lab.emf.fault({ on: "POST compute/os", after: "write", times: 1, ...fault });
            run();
            const row = await up(program());
            expect((await lab.emf.list("compute/os")).map(({ resourceId }) => resourceId)).to.deep.equal([
                row.outputs.resourceId,
            ]);
            await lab.emf.remove("compute/os", row.outputs.resourceId);
        }
    });

    it("goes on after a run that was killed between the write and the answer", async () => {
        const lost = await up(program());
        run();
        const row = await up(program());
        expect(row.outputs.resourceId).to.equal(lost.outputs.resourceId);
        expect(row.outputs.claim).not.to.equal(lost.outputs.claim);
    });

    it("loses nothing in A → B (fails) → A", async () => {
        const a = await up(program());
        run();
        // B replaced it under another name and failed later: A's row is pending deletion, B's is the live one.
        const b = await up(program({ name: "ubuntu-edge-2" }));
        run();
        const again = await up(program());
        expect(again.outputs.resourceId).to.equal(a.outputs.resourceId);
        await osProfile.delete(a.id, a, context);
        await osProfile.delete(b.id, b, context);
        expect((await lab.emf.list("compute/os")).map(({ name }) => name)).to.deep.equal(["ubuntu-edge-1"]);
        run();
        expect(await refresh(again)).not.to.equal(undefined);
    });

    it("renews its login in the middle", async () => {
        lab.emf.fault({
            on: "POST compute/os",
            do: "status",
            status: 401,
            body: { message: "Unauthorized" },
            times: 1,
        });
        lab.emf.fault({
            on: "GET compute/os",
            do: "status",
            status: 401,
            body: { message: "Unauthorized" },
            times: 1,
        });
        const row = await up(program());
        expect(await lab.emf.get("compute/os", row.outputs.resourceId)).to.include({ name: "ubuntu-edge-1" });
    });

    describe("a name that is taken", () => {
        it("is refused at preview, with the way out", async () => {
            await lab.emf.create("compute/os", apiBody(lab, { sha256: SHA }));
            run({ preview: true });
            expect((await check(program())).problems.join()).to.contain(
                "with the same content: set adopt: true",
            );
            const { problems } = await check(program({ sha256: OTHER_SHA, adopt: true }));
            expect(problems.join()).to.contain("with other content").and.contain(`EMF has "${SHA}"`);
        });

        it('is refused with tlsCaCert: "" where it has a certificate, when it is taken over and also later', async () => {
            const relative = { imageUrl: "files-edge-orch/ubuntu.raw.gz", type: "IMMUTABLE", adopt: true };
            await lab.emf.create("compute/os", {
                name: "ubuntu-edge-1",
                imageUrl: relative.imageUrl,
                sha256: SHA,
                osType: "OS_TYPE_IMMUTABLE",
                osProvider: "OS_PROVIDER_KIND_INFRA",
                securityFeature: "SECURITY_FEATURE_NONE",
                tlsCaCert: "YWJjZA==",
            });
            run();
            const without = program({ ...relative, tlsCaCert: "" });
            const wanted = "tlsCaCert: the profile has one, which EMF cannot clear, the program wants none";
            expect((await check(without)).problems.join("\n")).to.include(wanted);

            const row = await up(program(relative));
            run();
            const later = await check(without, row);
            expect(later.problems.join("\n")).to.include(wanted).and.to.include("replace-when-unused");
            run();
            const remade = await up({ ...without, onContentChange: "replace-when-unused" }, row);
            expect(await lab.emf.list("compute/os")).to.have.lengthOf(1);
            expect((await lab.emf.list("compute/os"))[0]).to.include({ tlsCaCert: "" });
            expect(remade.inputs.pinnedFingerprint).to.equal("");
        });

        it("shows a certificate that somebody gave a profile which is to have none", async () => {
            run();
            const row = await up(
                program({ imageUrl: "files-edge-orch/ubuntu.raw.gz", type: "IMMUTABLE", tlsCaCert: "" }),
            );
            await lab.emf.patch("compute/os", row.outputs.resourceId, {
                sha256: SHA,
                tlsCaCert: "YWJjZA==",
            });
            run();
            const found = await osProfile.read(row.id, row, context);
            expect(found?.inputs?.pinnedFingerprint).to.equal("of no certificate");
        });

        it("is adopted when the content is the same, and keeps foreign metadata", async () => {
            const existing = await lab.emf.create(
                "compute/os",
                apiBody(lab, { metadata: '{"owner":"ops"}' }),
            );
            const row = await up(program({ adopt: true }));
            expect(row.outputs.resourceId).to.equal(existing.resourceId);
            const stored = await lab.emf.get("compute/os", existing.resourceId);
            expect(JSON.parse(stored.metadata as string)).to.include({ owner: "ops", line: "4" });
            expect(stored.tlsCaCert).to.equal(row.inputs.pinnedCertificate);
        });

        it("is refused where another stack or resource made it", async () => {
            run({ stack: "other" });
            await up(program());
            run();
            await fails(up(program({ adopt: true })), "belongs to another Pulumi stack");
            const { inputs } = await check(program({ name: "ubuntu-edge-2", adopt: true }));
            await fails(
                osProfile.create({ ...inputs, name: "ubuntu-edge-1" }, context),
                "belongs to another Pulumi stack",
            );
        });

        it("is refused when it was taken after the check", async () => {
            const { inputs } = await check(program());
            await lab.emf.create("compute/os", apiBody(lab, {}));
            await fails(osProfile.create(inputs, context), "is already there");
        });
    });

    describe("other content under the same name", () => {
        it("is refused at preview, with each difference and the way out", async () => {
            const row = await up(program());
            run({ preview: true });
            const { problems } = await check(program({ sha256: OTHER_SHA, type: "IMMUTABLE" }), row);
            expect(problems.join())
                .to.contain(`sha256: the profile has "${SHA}", the program "${OTHER_SHA}"`)
                .and.contain('type: the profile has "MUTABLE"')
                .and.contain('onContentChange: "replace-when-unused"');
        });

        it("is made again where that is allowed and no instance uses it", async () => {
            const row = await up(program({ description: "one" }));
            run();
            const allowed = { onContentChange: "replace-when-unused", sha256: OTHER_SHA, description: "two" };
            const again = await up(program(allowed), row);
            expect(again.id).to.equal(row.id);
            const [stored, ...others] = await lab.emf.list("compute/os");
            expect(others).to.be.empty;
            expect(stored).to.include({ sha256: OTHER_SHA, description: "two" });
        });

        it("is refused while an instance uses it, naming the host", async () => {
            const row = await up(program());
            const host = await lab.emf.create("compute/hosts/register", { serialNumber: "SN00001" });
            await lab.emf.create("compute/instances", {
                hostID: host.resourceId,
                osID: row.outputs.resourceId,
            });
            run({ preview: true });
            const allowed = program({ onContentChange: "replace-when-unused", sha256: OTHER_SHA });
            expect((await check(allowed, row)).problems.join()).to.contain("in use by host SN00001");
            await fails(
                osProfile.update(row.id, row, { ...row.inputs, sha256: OTHER_SHA }, context),
                "other content",
            );

            await osProfile.delete(row.id, row, context);
            expect(context.messages.warn.join()).to.contain("left in EMF: in use by host SN00001");
            expect(await lab.emf.list("compute/os")).to.have.lengthOf(1);
        });

        it("keeps a description and says so", async () => {
            const row = await up(program({ description: "one" }));
            run();
            const { inputs, problems } = await check(program({ description: "two" }), row);
            expect(problems).to.be.empty;
            expect(changes(row, inputs)).to.deep.equal([]);
            expect(context.messages.warn.join()).to.contain('description stays "one"');
        });
    });

    describe("the certificate", () => {
        it("stays pinned when the server shows another, until that one's fingerprint is given", async () => {
            const row = await up(program());
            await lab.images.rotateCertificate();
            run({ preview: true });
            const { inputs } = await check(program(), row);
            expect(changes(row, inputs)).to.deep.equal([]);
            const [warning = ""] = context.messages.warn;
            expect(warning).to.contain("shows another certificate than the pinned one");

            const fingerprint = /certificateFingerprint: "([0-9a-f]{64})"/.exec(warning)?.[1] ?? "";
            run();
            const rotated = await up(program({ certificateFingerprint: fingerprint }), row);
            const stored = await lab.emf.get("compute/os", row.outputs.resourceId);
            expect(stored.tlsCaCert).to.equal(Buffer.from(lab.images.certificate).toString("base64"));
            expect(rotated.outputs).to.deep.equal(row.outputs);
        });

        it("is byte for byte what the guide's openssl pipeline gives", async function () {
            const { host } = new URL(lab.images.baseUrl);
            const openssl = await output("openssl", ["s_client", "-connect", host]).catch(() => undefined);
            if (openssl === undefined) this.skip();
            const file = path.join(lab.dir, "s_client.txt");
            fs.writeFileSync(file, openssl);
            const pem = await output("openssl", ["x509", "-in", file]);
            const { inputs } = await check(program());
            expect(inputs.pinnedCertificate).to.equal(Buffer.from(pem).toString("base64"));
        });

        it("is not taken from a server whose fingerprint is another", async () => {
            const { problems } = await check(program({ certificateFingerprint: "ab".repeat(32) }));
            expect(problems.join())
                .to.contain("certificateFingerprint: the server")
                .and.contain("not this one");
        });

        it("is read from a file, PEM or base64, and rotated by a PATCH of its own", async () => {
            const file = path.join(lab.dir, "ca.pem");
            fs.writeFileSync(file, lab.ca);
            const encoded = Buffer.from(lab.ca).toString("base64");
            for (const tlsCaCert of [file, lab.ca, encoded]) {
                run();
                expect((await check(program({ tlsCaCert }))).inputs.pinnedCertificate).to.equal(encoded);
            }
            const row = await up(program());
            run();
            await up(program({ tlsCaCert: file, metadata: { line: "5" } }), row);
            const stored = await lab.emf.get("compute/os", row.outputs.resourceId);
            expect(stored.tlsCaCert).to.equal(encoded);
            expect(JSON.parse(stored.metadata as string)).to.include({ line: "5" });
            expect(fingerprintOf(encoded)).to.match(/^[0-9a-f]{64}$/);
        });

        it("that cannot be read from here is a warning in a preview and a failure in the update", async () => {
            const nobody = program({ imageUrl: "https://127.0.0.1:1/ubuntu.raw.gz" });
            run({ preview: true });
            expect((await check(nobody)).problems).to.be.empty;
            expect(context.messages.warn.join()).to.contain("cannot be read from here");
            run();
            await fails(check(nobody), "give the certificate of the image server as tlsCaCert");
        });
    });

    describe("where the image is", () => {
        it("fails a profile whose image is not served, as far as this machine can tell", async () => {
            const missing = program({ imageUrl: `${lab.images.baseUrl}/missing.raw.gz` });
            const { problems } = await check(missing);
            expect(problems.join()).to.match(/^imageUrl: is answered with HTTP 404.*seen from here only/);
            const size = { imageSizeBytes: 9 };
            expect((await check(program(size))).problems.join()).to.contain(
                "has 8 bytes there, but the image has 9",
            );
            expect((await check(program({ imageSizeBytes: 8 }))).problems).to.be.empty;
        });

        it("does not matter any more to a profile that exists", async () => {
            const image = path.join(lab.images.directory, "gone.raw.gz");
            fs.writeFileSync(image, "an image");
            const gone = program({ imageUrl: `${lab.images.baseUrl}/gone.raw.gz` });
            const row = await up(gone);
            fs.rmSync(image);
            run();
            expect((await check(gone, row)).problems).to.be.empty;
            expect(context.messages.warn.join()).to.contain("HTTP 404");
        });
    });

    describe("a kernel", () => {
        let index: http.Server;
        let asked: string[];
        let kernelIndexUrl: string;
        before(async () => {
            index = http.createServer((request, response) => {
                asked.push(request.url ?? "");
                if (request.url === "/down") response.writeHead(500).end();
                else
                    response.end(
                        "<a>linux-image-6.11.0-17-generic_6.11.0-17.17_amd64.deb</a>\nlinux-image-6.8.0-1-x\n",
                    );
            });
            await new Promise<void>((resolve) => index.listen(0, "127.0.0.1", resolve));
            kernelIndexUrl = `http://127.0.0.1:${(index.address() as AddressInfo).port}/pool`;
        });
        beforeEach(() => {
            asked = [];
        });
        after(() => index.close());

        async function said(kernelVersion: string, address = kernelIndexUrl, row?: Row): Promise<string[]> {
            const { client } = labClient(lab, { kernelIndexUrl: address });
            clients.push(client);
            context = testContext({ client, kind: "emf.OsProfile", name: "ubuntu" });
            const { problems } = await check(program({ metadata: { kernelVersion } }), row);
            expect(problems).to.be.empty;
            return context.messages.warn;
        }

        it("that the archive has is looked up once, with the note that EMF ignores it", async () => {
            const kernel = "linux-image-6.11.0-17-generic";
            const warnings = await said(kernel);
            expect(warnings).to.have.lengthOf(1);
            expect(warnings[0]).to.contain("present EMF versions ignore it");
            await check(program({ metadata: { kernelVersion: kernel } }));
            expect(asked).to.deep.equal(["/pool"]);
            const row = await up(program({ metadata: { kernelVersion: kernel } }));
            expect(await said(kernel, kernelIndexUrl, row)).to.be.empty;
        });

        it("that it does not have is a warning that names the archive and the setting", async () => {
            for (const kernel of ["linux-image-6.11.0-99-generic", "linux-image-6.11.0-17-gen"]) {
                const [, warning] = await said(kernel, `${kernelIndexUrl}?name={package}&exact=true`);
                expect(warning).to.match(
                    /is not among the packages of 127.0.0.1:\d+.*edge-os:emf.kernelIndexUrl/,
                );
                expect(asked.pop()).to.equal(`/pool?name=${kernel}&exact=true`);
            }
        });

        it("is not looked up where the archive is down or out of reach, and that is all", async () => {
            for (const address of [kernelIndexUrl.replace("/pool", "/down"), "http://127.0.0.1:1/"]) {
                const [, warning] = await said("linux-image-6.11.0-17-generic", address);
                expect(warning).to.contain("was not looked up: kernel index: GET");
            }
        });
    });

    it("says in one message what would not boot", async () => {
        const { problems } = await check(program({ imageUrl: "http://files.local/u.qcow2" }));
        expect(problems).to.have.lengthOf(1);
        expect(problems[0])
            .to.contain("imageUrl: has several problems:")
            .and.contain("must use https")
            .and.contain("ends in .qcow2");
        const known = await check(
            program({ imageUrl: `${lab.images.baseUrl}/ubuntu.img`, imageFormat: "qcow2" }),
        );
        expect(known.problems.join()).to.contain("qcow2 on a server with a private CA");
    });
});

function apiBody(lab: Lab, overrides: Program): object {
    return {
        name: "ubuntu-edge-1",
        imageUrl: `${lab.images.baseUrl}/ubuntu.raw.gz`,
        sha256: SHA,
        osType: "OS_TYPE_MUTABLE",
        osProvider: "OS_PROVIDER_KIND_INFRA",
        securityFeature: "SECURITY_FEATURE_NONE",
        ...overrides,
    };
}

/** What a program prints; the servers live in this process, so it must not be waited for in one go. */
function output(command: string, args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
        const child = execFile(command, args, (error, stdout) => {
            if (error) reject(new Error(error.message));
            else resolve(stdout);
        });
        child.stdin?.end();
    });
}

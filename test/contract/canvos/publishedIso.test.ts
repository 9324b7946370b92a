import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { applianceImage } from "../../../provider/canvos/applianceImage.handler";
import type { ApplianceInputs, ApplianceOutputs } from "../../../provider/canvos/applianceImage.schema";
import { RegistryClient } from "../../../provider/oci/client";
import { messageOf } from "../../../provider/resource/errors";
import { CanvosMachine, isPartial } from "../../support/canvos";
import { testHost } from "../../support/context";
import { errorOf } from "../../support/failure";
import { Registry, REGISTRY_LOGIN } from "../../support/registry";
import { S3_KEYS, S3Server } from "../../support/s3";

const SITE = { paletteEndpoint: "api.spectrocloud.com", edgeHostToken: "the-token", projectName: "Default" };

describe("canvos.ApplianceImage: its ISO", function () {
    this.timeout(60_000);
    let machine: CanvosMachine;
    let guarded: Registry;

    before(async function () {
        machine = await CanvosMachine.start(this);
        guarded = await Registry.start({ auth: "basic" });
        const auth = Buffer.from(`${REGISTRY_LOGIN.username}:${REGISTRY_LOGIN.password}`).toString("base64");
        machine.write(".docker/config.json", JSON.stringify({ auths: { [guarded.name]: { auth } } }));
    });
    after(async () => {
        await (guarded as Registry | undefined)?.close();
        await (machine as CanvosMachine | undefined)?.close();
    });

    /** One ISO for all tests: what is published where changes nothing of it. */
    function given(publish: object, withToken = true): Record<string, unknown> {
        const userData = withToken ? { stylus: { site: SITE } } : { stylus: { managementMode: "local" } };
        return machine.given({ targets: ["iso"], userData, publish });
    }

    function repository(registry: Registry): string {
        return `oci://${registry.name}/edge/installer`;
    }

    function nobodysClient(): RegistryClient {
        const advice = { endpoint: "", caFile: "", credentials: "" };
        return new RegistryClient({ registry: guarded.name, login: REGISTRY_LOGIN, advice }, testHost());
    }

    it("is refused a place while it holds a token and nobody says who may read that", async () => {
        const publish = { oci: { repository: repository(guarded) } };
        const { problems } = await machine.check(given(publish), machine.context({ preview: true }));
        expect(problems).to.have.lengthOf(1);
        expect(problems[0])
            .to.match(/^publish\.access is required: the ISO holds userData\.stylus\.site\.edgeHostToken/)
            .and.not.contain("the-token");
        expect((await machine.check(given({ ...publish, access: "anonymous" }))).problems).to.deep.equal([]);
        expect((await machine.check(given(publish, false))).problems).to.deep.equal([]);
    });

    it("is nothing to publish where no target makes it", async () => {
        const publish = { oci: { repository: repository(guarded) } };
        const { problems } = await machine.check({
            ...given(publish, false),
            targets: ["build-provider-images"],
        });
        expect(problems).to.deep.equal([
            "publish is for the installer ISO, and none of the targets makes one: add the target iso",
        ]);
    });

    it("goes to no place that is said to take a login and takes none", async () => {
        const open = machine.registry;
        const publish = { oci: { repository: repository(open) }, access: "authenticated" };
        const before = open.requests.length;
        const error = messageOf(await errorOf(machine.create(given(publish))));

        expect(error).to.contain('publish.access is "authenticated", and everybody can read oci://');
        expect(error).to.not.contain("the-token");
        const tags = open.requests
            .slice(before)
            .filter(({ method, path: at }) => method === "PUT" && at.includes("/manifests/installer"));
        expect(tags, "the ISO").to.deep.equal([]);
    });

    it("is published behind a login, looked for with one question, put back and removed", async () => {
        const publish = {
            oci: { repository: repository(guarded) },
            access: "authenticated",
            onDelete: "remove",
        };
        const context = machine.context();
        const made = await machine.create(given(publish), context);
        const { iso, publishedIso } = made.outputs;
        expect(context.messages.warn.join("\n")).to.equal("");
        expect(iso?.url).to.match(new RegExp(`^oci://${guarded.name}/edge/installer@sha256:[0-9a-f]{64}$`));
        expect(publishedIso?.fileName).to.equal(`palette-edge-installer-${iso?.sha256.slice(0, 16)}.iso`);

        const digest = iso?.url?.slice(iso.url.indexOf("@") + 1) ?? "";
        const asked = guarded.requests.length;
        expect(await applianceImage.read(made.id, made, machine.context())).to.deep.equal({
            inputs: { intact: true, isoIntact: true },
        });
        const heads = guarded.requests.slice(asked).filter(({ headers }) => headers.authorization);
        expect(heads.map(({ method }) => method)).to.deep.equal(["HEAD"]);

        await nobodysClient().deleteManifest("edge/installer", digest);
        const lost = machine.context();
        const read = await applianceImage.read(made.id, made, lost);
        expect(read?.inputs).to.deep.equal({ intact: false, isoIntact: false });
        expect(lost.messages.warn.join("\n")).to.contain("is gone");
        const state = { ...made, inputs: { ...made.inputs, intact: false, isoIntact: false } };
        const { inputs } = await machine.check(given(publish), machine.context(), state.inputs);
        expect(inputs.inputHash).to.equal(made.inputs.inputHash);
        const { outputs } = await applianceImage.update(made.id, state, inputs, machine.context());
        expect(outputs?.iso?.url).to.equal(iso?.url);
        expect(await nobodysClient().headManifest("edge/installer", digest)).to.include({ digest });

        await applianceImage.delete(made.id, made, machine.context());
        expect(await nobodysClient().headManifest("edge/installer", digest)).to.equal(undefined);
        const left: string[] = [];
        for await (const tag of nobodysClient().tags("edge/installer")) left.push(tag);
        expect(left, "what stood beside it").to.deep.equal([]);
    });

    it("is published by the next run where the first could not, also after a refresh", async () => {
        const file = machine.write("no-folder", "");
        const broken = { directory: "no-folder", baseUrl: "https://isos.example.com" };
        const error = await errorOf(machine.create(given(broken, false)));
        if (!isPartial(error)) throw error;
        const { id = "", inputs, outputs } = error.reached;
        const state = { inputs: inputs as ApplianceInputs, outputs: outputs as ApplianceOutputs };
        expect(await applianceImage.read(id, state, machine.context())).to.deep.equal({
            inputs: { intact: false },
        });
        fs.rmSync(file);
        const next = await machine.check(given(broken, false), machine.context(), state.inputs);
        const mended = await applianceImage.update(id, state, next.inputs, machine.context());
        expect(fs.existsSync(path.join(file, mended.outputs?.publishedIso?.fileName ?? ""))).to.equal(true);
    });

    it("moves from a bucket to a folder, and is let go in the bucket", async () => {
        const server = await S3Server.start();
        try {
            const s3 = {
                bucket: "images",
                endpoint: server.endpoint,
                baseUrl: "https://images.example.com",
            };
            const env = {
                EDGE_OS_IMAGE_S3_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
                EDGE_OS_IMAGE_S3_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
            };
            const run = (): ReturnType<CanvosMachine["context"]> => machine.context({}, "0", env);
            const made = await machine.create(given({ s3, onDelete: "remove" }, false), run());
            const name = made.outputs.publishedIso?.fileName ?? "";
            expect(made.outputs.iso?.url).to.equal(`https://images.example.com/${name}`);
            expect(server.objects()[name]?.length).to.equal(made.outputs.iso?.sizeBytes);

            const folder = { directory: "out", baseUrl: "https://isos.example.com" };
            const { inputs } = await machine.check(given(folder, false), run(), made.inputs);
            const { outputs } = await applianceImage.update(made.id, made, inputs, run());
            expect(outputs?.iso?.url).to.equal(`https://isos.example.com/${name}`);
            expect(fs.existsSync(path.join(machine.project, "out", name))).to.equal(true);
            expect(Object.keys(server.objects())).to.deep.equal([]);
            expect(outputs?.images, "nothing else is made").to.deep.equal([]);
        } finally {
            await server.close();
        }
    });

    it("is not built once more on a machine that never had it", async () => {
        const publish = { directory: "elsewhere", baseUrl: "https://isos.example.com" };
        const all = {
            ...machine.given({ arguments: { customTag: "runner" } }),
            publish,
        };
        const made = await machine.create(all);
        // As the next runner has it: what was pushed, and an empty folder.
        await machine.context().client.removeBuild(made.inputs.inputHash);
        const changed = { ...all, verify: { maxSizeBytes: 2 ** 40 } };
        const { inputs } = await machine.check(changed, machine.context(), made.inputs);
        const context = machine.context();
        const { outputs } = await applianceImage.update(made.id, made, inputs, context);

        expect(outputs?.images).to.deep.equal(made.outputs.images);
        expect(outputs?.iso).to.deep.equal(made.outputs.iso);
        expect(outputs?.report).to.contain("provider.size");
        expect(context.messages.warn.join("\n")).to.contain("only the images were looked at");
        expect(context.messages.progress.join("\n")).to.not.contain("preparing the checkout");
    });
});

import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { applianceImage } from "../../../provider/canvos/applianceImage.handler";
import { RegistryClient } from "../../../provider/oci/client";
import { CanvosMachine } from "../../support/canvos";
import { testHost } from "../../support/context";

describe("canvos.ApplianceImage", function () {
    this.timeout(60_000);
    let machine: CanvosMachine;

    before(async function () {
        machine = await CanvosMachine.start(this);
    });
    after(async () => {
        await (machine as CanvosMachine | undefined)?.close();
    });

    it("is built, pushed and named as its check has said", async () => {
        machine.write("overlay/etc/modules-load.d/nfsrdma.conf", "rpcrdma\n", 0o640);
        machine.write("overlay/etc/cron.daily/tidy", "#!/bin/sh\n", 0o755);
        const context = machine.context();
        const { id, inputs, outputs } = await machine.create(
            machine.given({
                overlay: "overlay",
                userData: { stylus: { managementMode: "local" } },
                arguments: { customTag: "lab" },
            }),
            context,
        );

        expect(id).to.equal(`sha256:${inputs.inputHash}`);
        const tag = `kubeadm-1.34.2-v4.8.10-lab${inputs.inputHash.slice(0, 8)}`;
        expect(inputs.systemUri).to.equal(`${machine.registry.name}/ubuntu:${tag}`);
        expect(inputs.profileValues).to.contain(`system.uri: "${inputs.systemUri}"`);
        expect(inputs.commit).to.equal(machine.repository.commits["v4.8.10"]);
        const [image] = outputs.images;
        expect(image).to.include({ kubernetesVersion: "1.34.2", reference: inputs.systemUri });
        expect(image?.digest).to.match(/^sha256:/);
        expect(outputs.iso?.sizeBytes).to.be.greaterThan(100_000);
        expect(context.messages.progress.join("\n")).to.match(/\+provider-image step \d+, \d+s/);

        const listing = machine.engine.run(
            "run",
            "--rm",
            inputs.systemUri,
            "/bin/ls",
            "-l",
            "/etc/modules-load.d",
            "/etc/cron.daily",
        );
        expect(listing).to.match(/-rw-r-----.* nfsrdma.conf/);
        expect(listing).to.match(/-rwxr-xr-x.* tidy/);
        const tree = path.join(outputs.logFile, "../tree");
        expect(fs.readFileSync(path.join(tree, ".arg"), "utf8")).to.contain("K8S_VERSION=1.34.2");
        expect(fs.existsSync(path.join(outputs.logFile, "../home")), "logins").to.equal(false);
    });

    it("tells in its preview what it pulls, and what of that is not in a registry of one's own", async () => {
        machine.write("firmware.bfb", "firmware\n");
        const context = machine.context({ preview: true });
        const edgeAppliance = { bfb: { source: "firmware.bfb" } };
        const { inputs, problems } = await machine.check(machine.given({ edgeAppliance }), context);

        expect(problems).to.deep.equal([]);
        const alpine = `${machine.registry.name}/edge/canvos/alpine:3.20`;
        expect(inputs.pulledImages).to.include(alpine);
        expect(inputs.firmware).to.deep.equal({
            "firmware.bfb": "179c23f41ee27a7474df0662f97023168ddcf837989573fcddd5941adca62a68",
        });
        expect(context.messages.warn.join("\n")).to.contain(
            `the build pulls images that are not in your registry yet: ${alpine}`,
        );
    });

    describe("once it is pushed", () => {
        type Made = Awaited<ReturnType<CanvosMachine["create"]>>;
        let made: Made;
        let digest: string;

        before(async () => {
            made = await machine.create(
                machine.given({ arguments: { customTag: "kept" }, onDelete: "remove" }),
            );
            digest = made.outputs.images[0]?.digest ?? "";
        });

        function tagOf({ inputs }: Made): string {
            return inputs.systemUri.slice(inputs.systemUri.lastIndexOf(":") + 1);
        }

        function registryClient(): RegistryClient {
            const advice = { endpoint: "", caFile: "", credentials: "" };
            return new RegistryClient({ registry: machine.registry.name, advice }, testHost());
        }

        it("is looked for with one question a tag, and without Docker", async () => {
            const before = machine.registry.requests.length;
            const context = machine.context();
            const read = await applianceImage.read(made.id, made, context);

            expect(read).to.deep.equal({ inputs: { intact: true } });
            const asked = machine.registry.requests
                .slice(before)
                .map(({ method, path: at }) => `${method} ${at}`);
            expect(asked.filter((each) => each.startsWith("HEAD"))).to.have.lengthOf(1);
        });

        it("is pushed again with the same bytes when the registry has lost it", async () => {
            await registryClient().deleteManifest("ubuntu", digest);
            const context = machine.context();
            expect(await applianceImage.read(made.id, made, context)).to.deep.equal({
                inputs: { intact: false },
            });
            expect(context.messages.warn.join("\n")).to.contain("is gone from its registry");

            const state = { ...made.inputs, intact: false };
            const { inputs, problems } = await machine.check(made.inputs, machine.context(), state);
            expect(problems).to.deep.equal([]);
            expect(inputs.inputHash).to.equal(made.inputs.inputHash);
            const { outputs } = await applianceImage.update(
                made.id,
                { ...made, inputs: state },
                inputs,
                machine.context(),
            );
            expect(outputs?.images?.[0]?.digest).to.equal(digest);
        });

        it("is built under a new tag when this machine has lost it, too", async () => {
            const other = await machine.create(machine.given({ arguments: { customTag: "lost" } }));
            machine.engine.run("image", "rm", other.inputs.systemUri);
            const context = machine.context();
            const state = { ...other.inputs, intact: false };
            const { inputs } = await machine.check(
                machine.given({ arguments: { customTag: "lost" } }),
                context,
                state,
            );

            expect(inputs.systemUri).to.not.equal(other.inputs.systemUri);
            expect(context.messages.warn.join("\n")).to.contain("are repaved");
        });

        it("is not built once more because Docker was tidied up, which would give its tag other bytes", async () => {
            const { systemUri } = made.inputs;
            const installer = `palette-installer-image:${systemUri.slice(systemUri.indexOf("v4.8.10"))}`;
            machine.engine.run("image", "rm", installer, systemUri);
            const verify = { maxSizeBytes: 2 ** 40 };
            const { inputs } = await machine.check(
                machine.given({ arguments: { customTag: "kept" }, onDelete: "remove", verify }),
                machine.context(),
                made.inputs,
            );
            const { outputs } = await applianceImage.update(made.id, made, inputs, machine.context());
            expect(outputs?.images).to.deep.equal(made.outputs.images);
            expect(outputs?.iso).to.deep.equal(made.outputs.iso);
            expect(outputs?.report).to.contain("provider.size");
        });

        it("stays when an older row of the same build is deleted: A, B that fails, A again", async () => {
            // One run: the program's row is checked, and at its end the row that B was to replace is deleted.
            const context = machine.context();
            await machine.check(
                machine.given({ arguments: { customTag: "kept" }, onDelete: "remove" }),
                context,
                made.inputs,
            );
            await applianceImage.delete(made.id, made, context);

            expect(context.messages.info.join("\n")).to.contain("its images stay");
            expect(await registryClient().headManifest("ubuntu", tagOf(made))).to.include({ digest });
            expect(fs.existsSync(made.outputs.logFile)).to.equal(true);
        });

        it("goes with its images and its folder when it is deleted, and leaves the same image of another tag", async () => {
            // As a build that replaces it may make it, where nothing has changed that is inside.
            const own = await registryClient().getManifest("ubuntu", digest);
            if (own) await registryClient().putManifest("ubuntu", "successor", own);
            await applianceImage.delete(made.id, made, machine.context());

            expect(await registryClient().headManifest("ubuntu", tagOf(made))).to.equal(undefined);
            expect(await registryClient().headManifest("ubuntu", "successor")).to.include({ digest });
            expect(machine.engine.run("image", "ls", "-q", made.inputs.systemUri)).to.equal("");
            expect(fs.existsSync(made.outputs.logFile)).to.equal(false);
        });
    });
});

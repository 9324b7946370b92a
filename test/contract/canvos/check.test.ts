import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { CanvosRepository } from "../../../lab/canvos/repository";
import { applianceImage } from "../../../provider/canvos/applianceImage.handler";
import type { ApplianceInputs } from "../../../provider/canvos/applianceImage.schema";
import type { Builder } from "../../../provider/canvos/builder";
import { expectationsOf } from "../../../provider/canvos/expectations";
import { planBuild } from "../../../provider/canvos/plan";
import { canvos } from "../../../provider/canvos/system";
import { checkInputs } from "../../../provider/resource/check";
import type { AnyResource } from "../../../provider/resource/definition";
import { formatPath } from "../../../provider/resource/problem";
import { messageOf } from "../../../provider/resource/errors";
import { UNKNOWN } from "../../../provider/resource/unknown";
import { testContext, testHost, type TestContext } from "../../support/context";
import { errorOf } from "../../support/failure";
import { needsTool } from "../../support/tools";

/** As a pull request's runner: git, and no Docker. */
describe("canvos.ApplianceImage: what its check tells", function () {
    this.timeout(30_000);
    let repository: CanvosRepository;
    let work: string;

    beforeEach(function () {
        needsTool(this, "git");
        repository = CanvosRepository.create();
        work = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-canvos-check-"));
    });
    afterEach(() => {
        (repository as CanvosRepository | undefined)?.close();
        fs.rmSync(work, { recursive: true, force: true });
    });

    function context(preview = true): TestContext<Builder> {
        const env = { PATH: process.env.PATH, HOME: work, EDGE_OS_CACHE_DIR: path.join(work, "cache") };
        const client = canvos.connect({}, testHost({ env, projectDir: work }));
        return testContext({ client, env, projectDir: work, preview, kind: "canvos.ApplianceImage" });
    }

    async function check(
        given: Record<string, unknown>,
        { last, run = context() }: { last?: ApplianceInputs; run?: TestContext<Builder> } = {},
    ): Promise<{ inputs: ApplianceInputs; problems: string[] }> {
        const definition = applianceImage as unknown as AnyResource;
        const before = last as Record<string, unknown> | undefined;
        const { inputs, problems } = await checkInputs(definition, given, before, run);
        return {
            inputs: inputs as unknown as ApplianceInputs,
            problems: problems.map(({ path: where, message }) => `${formatPath(where)} ${message}`),
        };
    }

    function given(changes: Record<string, unknown> = {}): Record<string, unknown> {
        const { arguments: more, ...rest } = changes;
        const source = { git: repository.folder, ref: "v4.8.10" };
        return {
            source,
            arguments: {
                imageRegistry: "registry.example.com/edge",
                k8sVersion: "1.34.2",
                ...(more as object),
            },
            ...rest,
        };
    }

    it("names the images before they are built, the same every time", async () => {
        const first = await check(given());
        expect(first.problems).to.deep.equal([]);
        const digits = first.inputs.inputHash.slice(0, 8);
        const uri = `registry.example.com/edge/ubuntu:k3s-1.34.2-v4.8.10-demo${digits}`;
        expect(first.inputs).to.include({ systemUri: uri, commit: repository.commits["v4.8.10"] });
        expect(first.inputs.profileValues).to.contain(`system.customTag: "demo${digits}"`);

        expect((await check(given(), { last: first.inputs })).inputs).to.deep.equal(first.inputs);
        const other = await check(given({ arguments: { branding: "Stores" } }), { last: first.inputs });
        expect(other.inputs.inputHash).to.not.equal(first.inputs.inputHash);
    });

    it("leaves the tag as it is where it is asked to, and says what that means", async () => {
        const run = context();
        const { inputs } = await check(given({ exactTag: true, arguments: { customTag: "mine" } }), { run });
        expect(inputs.systemUri).to.match(/-v4\.8\.10-mine$/);
        expect(run.messages.warn.join("\n")).to.contain("exactTag the tag says nothing of what was built");
    });

    it("tells every mistake at once", async () => {
        const { problems } = await check(
            given({
                targets: ["build-all-images", "isso"],
                arguments: { fipsEnabled: true, clusterConfig: "spc.tgz" },
            }),
        );
        expect(problems.join("\n"))
            .to.contain("targets[1] the checkout's Earthfile has no target isso. Did you mean iso?")
            .and.contain("k3s has no FIPS build")
            .and.contain("names spc.tgz, which is not there");
    });

    it("lets nothing be missing that CanvOS would leave out without a word", async () => {
        fs.mkdirSync(path.join(work, "bundle"));
        fs.writeFileSync(path.join(work, "bundle/content.tar"), "");
        const files = { "content-apps": "bundle" };
        const { problems } = await check(given({ files }));
        expect(problems).to.have.lengthOf(1);
        expect(problems[0]).to.contain("bundle is no folder with *.zst in it");

        const missing = given({ files: { "spc.tgz": "none.tgz" }, arguments: { clusterConfig: "spc.tgz" } });
        const preview = context();
        expect((await check(missing, { run: preview })).problems).to.deep.equal([]);
        expect(preview.messages.warn.join("\n")).to.match(/files\["spc\.tgz"\]: there is no \S+none\.tgz/);
        const error = await errorOf(check(missing, { run: context(false) }));
        expect(messageOf(error)).to.match(/files\["spc\.tgz"\]: there is no \S+none\.tgz/);
        const typo = await errorOf(check(given({ overlay: "overly" }), { run: context(false) }));
        expect(messageOf(typo)).to.match(/^overlay: there is no \S+overly$/);
    });

    it("tells what is wrong with user-data, and never its values", async () => {
        const site = { paletteEndpoint: "https://api.spectrocloud.com", edgeHostToken: "the-secret token" };
        const { problems } = await check(given({ userData: { stylus: { site } } }));
        expect(problems).to.have.lengthOf(2);
        expect(problems.join("\n"))
            .to.contain("userData.stylus.site.paletteEndpoint")
            .and.not.contain("the-secret");
    });

    it("takes user-data as text, and tells what is wrong with it", async () => {
        const text = "#cloud-config\nstylus:\n  site:\n    paletteEndpoint: https://api.spectrocloud.com\n";
        const { problems } = await check(given({ userData: text }));
        expect(problems.join("\n")).to.contain("userData line 4: stylus.site.paletteEndpoint");
        const headless = await check(given({ userData: "stylus: {}\n" }));
        expect(headless.problems).to.have.lengthOf(1);
        expect(headless.problems[0]).to.contain("must begin with the line #cloud-config");
    });

    it("holds what is built to the secrets of user-data, however that is given", async () => {
        const site = { paletteEndpoint: "api.spectrocloud.com", edgeHostToken: "the-token" };
        const text = `#cloud-config\n${JSON.stringify({ stylus: { site } })}\n`;
        fs.writeFileSync(path.join(work, "user-data.yaml"), text);
        for (const userData of [{ stylus: { site } }, { file: "user-data.yaml" }, text]) {
            const run = context();
            const { inputs, problems } = await check(given({ userData }), { run });
            expect(problems).to.deep.equal([]);
            const { settings, cache } = run.client;
            const known = await run.client.checkout(inputs.source, undefined, run);
            const { plan } = await planBuild(inputs, known, {
                projectDir: work,
                settings,
                cache,
                generation: 0,
                base: { reference: "" },
            });
            const { secrets } = await expectationsOf(plan, inputs, settings, work);
            expect(secrets).to.deep.equal([
                { name: "userData.stylus.site.edgeHostToken", value: "the-token" },
            ]);
        }
    });

    it("refuses a release whose Earthfile builds another version than its tag", async () => {
        const { problems } = await check(given({ source: { git: repository.folder, ref: "v4.9.0" } }));
        expect(problems[0]).to.contain(
            "arguments.peVersion the checkout's tag is v4.9.0, its Earthfile builds v4.9.7",
        );
    });

    it("knows what versions before 4.4.12 ignore, and what they build instead", async () => {
        const old = { source: { git: repository.folder, ref: "v4.3.3" } };
        const ignored = await check(given({ ...old, arguments: { peVersion: "v4.3.3" } }));
        expect(ignored.problems[0]).to.contain("builds 1.27.9, 1.28.5 of its Earthfile");

        const { inputs, problems } = await check({
            ...given(old),
            arguments: { imageRegistry: "registry.example.com/edge", peVersion: "v4.3.3" },
        });
        expect(problems).to.deep.equal([]);
        expect(Object.keys(inputs.references)).to.deep.equal(["1.27.9", "1.28.5"]);
    });

    it("keeps the commit of a tag that was moved, and says so", async () => {
        const { inputs } = await check(given());
        const moved = repository.commitFiles({ "README.md": "moved\n" }, "v4.8.10");
        const run = context();
        const again = await check(given(), { last: inputs, run });

        expect(again.inputs).to.deep.equal(inputs);
        expect(run.messages.warn.join("\n")).to.contain(
            `it is ${moved} now, and ${inputs.commit} is what is built`,
        );
    });

    it("keeps it in the second check of a replacement, which is not told the last run's", async () => {
        const { inputs } = await check(given());
        repository.commitFiles({ "README.md": "moved\n" }, "v4.8.10");
        const run = context();
        const changed = given({ arguments: { customTag: "other" } });
        const first = await check(changed, { last: { ...inputs, generation: 1 }, run });
        const second = await check(changed, { run });

        expect(first.inputs.inputHash).to.not.equal(inputs.inputHash);
        expect([first.inputs.commit, first.inputs.generation]).to.deep.equal([inputs.commit, 1]);
        expect(second.inputs).to.deep.equal(first.inputs);
    });

    it("follows a branch where it is asked to", async () => {
        const source = { git: repository.folder, ref: "main", track: true };
        const more = { source, arguments: { peVersion: "v4.8.10" } };
        const { inputs } = await check(given(more));
        repository.git("checkout", "-q", "main");
        const commit = repository.commitFiles({ "README.md": "more\n" });
        const run = context();
        const again = await check(given(more), { last: inputs, run });

        expect(again.inputs.commit).to.equal(commit);
        expect(again.inputs.inputHash).to.not.equal(inputs.inputHash);
        expect(run.messages.warn.join("\n")).to.not.contain("has moved");
    });

    it("builds a checkout as it is, and leaves it as it was", async () => {
        const source = { path: repository.folder };
        const clean = await check(given({ source }));
        expect(clean.inputs.commit).to.equal(repository.commits["v4.8.10"]);

        fs.writeFileSync(path.join(repository.folder, "overlay/files/etc/motd"), "Welcome\n");
        fs.writeFileSync(path.join(repository.folder, ".arg"), "CUSTOM_TAG=mine\n");
        const before = stateOf(repository.folder);
        const changed = await check(given({ source }));

        expect(changed.inputs.commit).to.match(new RegExp(`^${clean.inputs.commit}-[0-9a-f]{16}$`));
        expect(changed.inputs.systemUri).to.not.contain("mine");
        expect(stateOf(repository.folder)).to.equal(before);
    });

    it("tells a folder that is no checkout", async () => {
        const { problems } = await check(given({ source: { path: work } }));
        expect(problems[0]).to.match(/^source \S+ is no git checkout/);
    });

    it("warns where a repository cannot be reached, and keeps what the last run has found", async () => {
        const source = { git: "/nowhere/CanvOS.git", ref: "v4.8.10" };
        const run = context();
        const first = await check(given({ source }), { run });
        expect(first.problems).to.deep.equal([]);
        expect(first.inputs.inputHash).to.equal(UNKNOWN);
        expect(run.messages.warn[0]).to.contain("/nowhere/CanvOS.git cannot be read here");
    });

    it("has the checkout of the environment pass with its own template and versions", async function () {
        const checkout = process.env.CANVOS_CHECKOUT ?? repository.folder;
        const args = { osVersion: "24.04", k8sDistribution: "kubeadm" };
        const { problems } = await check(given({ source: { path: checkout }, arguments: args }));
        expect(problems).to.deep.equal([]);
    });

    it("tells an unchanged build without reading its firmware again, in less than 200 ms", async () => {
        fs.writeFileSync(path.join(work, "bundle.bfb"), "");
        fs.truncateSync(path.join(work, "bundle.bfb"), 256 * 2 ** 20);
        fs.utimesSync(path.join(work, "bundle.bfb"), 1, 1);
        const more = { edgeAppliance: { bfb: { source: "bundle.bfb" } }, arguments: { osVersion: "24.04" } };
        const { inputs } = await check(given(more));
        const times: number[] = [];
        for (let round = 0; round < 3; round++) {
            const run = context();
            const begun = performance.now();
            expect((await check(given(more), { last: inputs, run })).inputs.inputHash).to.equal(
                inputs.inputHash,
            );
            times.push(performance.now() - begun);
        }
        expect(Math.min(...times)).to.be.lessThan(200);
    });
});

/** Every file with its times, git's own among them. */
function stateOf(folder: string): string {
    return execFileSync("find", [folder, "-printf", "%P %m %s %T@\\n"], { encoding: "utf8" })
        .split("\n")
        .sort()
        .join("\n");
}

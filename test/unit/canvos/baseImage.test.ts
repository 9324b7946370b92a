import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { CheckoutFolder } from "../../../provider/canvos/baseImage.folder";
import { planBase } from "../../../provider/canvos/baseImage.plan";
import { baseImageBuild } from "../../../provider/canvos/baseImage.schema";
import { missingBaseSettings, prepareBase } from "../../../provider/canvos/baseImage.script";
import { buildFolder } from "../../../provider/canvos/supervisor";
import { formatPath, type Problem } from "../../../provider/resource/problem";

/** As the releases have them, shortened: 4.8 beside each other, later ones with secrets. */
const RHEL_4_8 = [
    "FROM registry.access.redhat.com/ubi9-init:9.4-6 as base",
    "ARG USERNAME",
    "ARG PASSWORD",
    "RUN rm /etc/rhsm-host && subscription-manager register --username ${USERNAME} --password ${PASSWORD} \\",
    "  && yum repolist",
    "COPY overlay/rhel9/ /",
    "COPY dracut.conf /etc/dracut.conf.d/kairos-fips.conf",
    "COPY --from=kairos-init /kairos-init /kairos-init",
    "",
].join("\n");
const UBUNTU = [
    "FROM ubuntu:22.04",
    "RUN --mount=type=secret,id=pro-attach-config \\",
    "    pro attach --attach-config /run/secrets/pro-attach-config",
    "COPY modules.fips /tmp/modules.fips",
    "",
].join("\n");

function folder(texts: Readonly<Record<string, string>>): CheckoutFolder {
    return {
        names: Object.keys(texts).sort(),
        text: (name) => Promise.resolve(texts[name] ?? ""),
        digest: (below) =>
            Promise.resolve(JSON.stringify(Object.entries(texts).filter(([name]) => name.startsWith(below)))),
    };
}

const AROUND = { osVersion: "9.4", arch: "amd64", imageRegistry: "registry.example.com/edge" };

const rhel = folder({
    "rhel-fips/Dockerfile.rhel8": RHEL_4_8,
    "rhel-fips/Dockerfile.rhel9": RHEL_4_8,
    "rhel-fips/overlay/rhel9/system/oem/33_tmp_mount.yaml": "name: tmp\n",
    "rhel-fips/dracut.conf": "",
});
const ubuntu = folder({
    "ubuntu-fips/20.04/Dockerfile": UBUNTU,
    "ubuntu-fips/20.04/modules.fips": "",
    "ubuntu-fips/22.04/Dockerfile.ubuntu22.04-fips": UBUNTU,
    "ubuntu-fips/22.04/modules.fips": "",
    "ubuntu-fips/24.04/Dockerfile.ubuntu24.04-fips": UBUNTU.replace("modules", "24.04/modules"),
    "ubuntu-fips/24.04/modules.fips": "",
    "ubuntu-fips/stig-remediate.sh": "",
});

async function planned(given: object, from: CheckoutFolder, osVersion = AROUND.osVersion) {
    const plan = await planBase(baseImageBuild.parse(given), from, { ...AROUND, osVersion });
    if ("message" in plan) throw new Error(`${formatPath(plan.path)} ${plan.message}`);
    return plan;
}

async function refusal(given: object, from: CheckoutFolder): Promise<string> {
    const found = (await planBase(baseImageBuild.parse(given), from, AROUND)) as Problem;
    return `${formatPath(found.path)} ${found.message}`;
}

describe("canvos: base images from folders of the checkout", () => {
    it("have the Dockerfile of their version, and a tag of what they are built of", async () => {
        const plan = await planned({ build: "rhel-fips" }, rhel);
        expect(plan.dockerfile).to.equal("rhel-fips/Dockerfile.rhel9");
        expect(plan).to.include({ context: "rhel-fips", platform: "linux/amd64" });
        expect(plan.reference).to.match(/^registry\.example\.com\/edge\/rhel-fips:9\.4-[0-9a-f]{16}$/);
        expect(await planned({ build: "rhel-fips" }, rhel)).to.deep.equal(plan);
        const other = await planned({ build: "rhel-fips", buildArgs: { KAIROS_VERSION: "v4" } }, rhel);
        expect(other.reference).to.not.equal(plan.reference);
        const eight = await planned({ build: "rhel-fips", version: "8" }, rhel);
        expect(eight.dockerfile).to.equal("rhel-fips/Dockerfile.rhel8");
    });

    it("have the folder of their version, and the one above where that is copied from", async () => {
        const jammy = await planned({ build: "ubuntu-fips" }, ubuntu, "22.04");
        expect(jammy).to.include({
            dockerfile: "ubuntu-fips/22.04/Dockerfile.ubuntu22.04-fips",
            context: "ubuntu-fips/22.04",
        });
        expect(jammy.secrets).to.deep.equal(["pro-attach-config"]);
        expect(jammy.text, "as it stands").to.equal(undefined);
        const noble = await planned({ build: "ubuntu-fips" }, ubuntu, "24.04");
        expect(noble.context).to.equal("ubuntu-fips");
    });

    it("take a login to Red Hat as secrets, where the Dockerfile would leave it in the history", async () => {
        const { text, secrets } = await planned({ build: "rhel-fips" }, rhel);
        expect(secrets).to.deep.equal(["RHSM_USERNAME", "RHSM_PASSWORD"]);
        expect(text)
            .to.contain(
                "RUN --mount=type=secret,id=RHSM_USERNAME --mount=type=secret,id=RHSM_PASSWORD rm /etc/rhsm-host && " +
                    'subscription-manager register --username "$(cat /run/secrets/RHSM_USERNAME)" ' +
                    '--password "$(cat /run/secrets/RHSM_PASSWORD)" \\\n  && yum repolist',
            )
            .and.not.match(/ARG (USERNAME|PASSWORD)/);
    });

    it("are refused with what there is", async () => {
        expect(await refusal({ build: "rhel-fibs" }, folder({}))).to.contain(
            "arguments.baseImage.build the checkout has no folder rhel-fibs with a Dockerfile",
        );
        expect(await refusal({ build: "rhel-fips", version: "7" }, rhel)).to.contain(
            "arguments.baseImage.version rhel-fips of the checkout has no Dockerfile for 7: it has Dockerfile.rhel8 or Dockerfile.rhel9",
        );
        expect(await refusal({ build: "rhel-fips", dockerfile: "Dockerfile.rhel7" }, rhel)).to.contain(
            "arguments.baseImage.dockerfile is not in rhel-fips",
        );
        const slem = folder({ "slem/Dockerfile": "FROM bci\nADD repos/SUSE* /etc/zypp/repos.d/\n" });
        expect(await refusal({ build: "slem" }, slem)).to.contain(
            "copies repos/SUSE, which the checkout does not have",
        );
        const odd = folder({ "odd/Dockerfile": "RUN --mount=type=secret,id=VAULT true\n" });
        expect(await refusal({ build: "odd" }, odd)).to.contain("asks for the secret VAULT");
    });

    it("are built and pushed by a step that no value can add to, with their secrets in files of their own", async () => {
        const work = fs.mkdtempSync(path.join(os.tmpdir(), "canvos-base-"));
        try {
            const build = buildFolder(work);
            const file = path.join(build.tree, "ubuntu-fips/22.04/Dockerfile.ubuntu22.04-fips");
            fs.mkdirSync(path.dirname(file), { recursive: true });
            fs.mkdirSync(build.home);
            const template = 'token: "REPLACE_WITH_TOKEN" # TODO\nenable_services:\n  - fips-updates';
            fs.writeFileSync(path.join(path.dirname(file), "pro-attach-config.yaml"), template);
            const plan = await planned(
                { build: "ubuntu-fips", buildArgs: { NAME: "it's" } },
                ubuntu,
                "22.04",
            );
            expect(missingBaseSettings(plan, {})).to.deep.equal(["ubuntuProKey"]);
            await prepareBase(plan, build, { ubuntuProKey: "C1-key" });

            const secret = path.join(build.home, "base-secrets/pro-attach-config");
            expect(fs.readFileSync(secret, "utf8")).to.equal(
                'token: "C1-key"\nenable_services:\n  - fips-updates',
            );
            expect(fs.statSync(secret).mode & 0o777).to.equal(0o600);
            const script = fs.readFileSync(build.base, "utf8");
            expect(script).to.not.contain("C1-key");
            const docker = `docker() { printf '<%s>' "$@"; }\n`;
            const said = execFileSync("sh", ["-c", docker + script], { encoding: "utf8" });
            expect(said).to.contain("<--build-arg><NAME=it's>");
            expect(said).to.match(/<push><registry\.example\.com\/edge\/ubuntu-fips:22\.04-[0-9a-f]{16}>$/);
        } finally {
            fs.rmSync(work, { recursive: true });
        }
    });

    it("take no argument that a shell or a Dockerfile would read as more", () => {
        for (const buildArgs of [{ "A B": "1" }, { VERSION: "$(id)" }, { VERSION: "a\nRUN id" }])
            expect(baseImageBuild.safeParse({ build: "rhel-fips", buildArgs }).success).to.equal(false);
        expect(baseImageBuild.safeParse({ build: "../etc" }).success).to.equal(false);
    });
});

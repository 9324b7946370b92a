import { expect } from "chai";
import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type { BuildArguments } from "../../../provider/canvos/arguments";
import {
    buildArguments,
    fieldOf,
    givenVariables,
    variableOf,
} from "../../../provider/canvos/arguments.schema";
import { defaultOf, readEarthfile } from "../../../provider/canvos/earthfile";
import {
    fipsProblem,
    readKubernetesVersions,
    versionsNear,
} from "../../../provider/canvos/kubernetesVersions";

type Plain<T> = { [K in keyof T]: T[K] };
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the one way to compare types exactly
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Checked by the compiler. */
const equal: Equal<Plain<pulumi.Unwrap<BuildArguments>>, Plain<z.input<typeof buildArguments>>> = true;

/** Names of the variables in the templates of 4.3, 4.8 and 4.10, and those that the documentation adds. */
const DOCUMENTED =
    "CUSTOM_TAG IMAGE_REGISTRY OS_DISTRIBUTION IMAGE_REPO OS_VERSION K8S_DISTRIBUTION ISO_NAME ARCH HTTPS_PROXY " +
    "HTTP_PROXY NO_PROXY PROXY_CERT_PATH UPDATE_KERNEL CLUSTERCONFIG CIS_HARDENING EDGE_CUSTOM_CONFIG " +
    "FORCE_INTERACTIVE_INSTALL MAAS_IMAGE_NAME IS_MAAS IS_UKI MY_ORG UKI_BRING_YOUR_OWN_KEYS INCLUDE_MS_SECUREBOOT_KEYS " +
    "AUTO_ENROLL_SECUREBOOT_KEYS DRBD_VERSION UBUNTU_PRO_ATTACH ENROLL_SPECTRO_EXTENSION_CERT STORAGE_PROVIDER " +
    "BUNDLE_K8S_AND_AGENT_PROVIDER INSTALL_NVIDIA_GPU_DRIVERS NVIDIA_DRIVER_BRANCH NVIDIA_DRIVER_TYPE " +
    "NVIDIA_USE_CUDA_REPO NVIDIA_INSTALL_FABRICMANAGER NVIDIA_INSTALL_CONTAINER_TOOLKIT NVIDIA_REBUILD_INITRD " +
    "INSTALL_AMD_GPU_DRIVERS AMDGPU_DRIVER_SOURCE AMDGPU_DRIVER_RELEASE AMDGPU_INSTALL_SMI AMDGPU_REBUILD_INITRD " +
    "K8S_VERSION FIPS_ENABLED BASE_IMAGE DISABLE_SELINUX SPECTRO_PUB_REPO SPECTRO_LUET_REPO SPECTRO_THIRD_PARTY_IMAGE " +
    "BUILDER_3RDPARTY_VERSION KAIROS_BASE_IMAGE_URL PE_VERSION TWO_NODE KINE_VERSION K3S_FLAVOR_TAG RKE2_FLAVOR_TAG";

function problemsOf(given: Record<string, unknown>): string[] {
    const read = buildArguments.safeParse({ imageRegistry: "registry.example.com/edge", ...given });
    return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("canvos: the arguments of a build", () => {
    it("equal their schema, and cover every documented variable", () => {
        expect(equal).to.equal(true);
        expect(DOCUMENTED.split(" ").filter((name) => fieldOf(name) === undefined)).to.deep.equal([]);
        expect(variableOf("builder3rdPartyVersion")).to.equal("BUILDER_3RDPARTY_VERSION");
    });

    it("become variables of the .arg file", () => {
        const given = buildArguments.parse({
            imageRegistry: "127.0.0.1:5000/edge",
            k8sVersion: "1.34.2",
            isUki: false,
            efiMaxSize: 2048,
            customArgs: { BRAND: "acme" },
            extraArgs: { NEW_OPTION: "on" },
        });
        expect(givenVariables(given)).to.deep.equal({
            IMAGE_REGISTRY: "127.0.0.1:5000/edge",
            K8S_VERSION: "1.34.2",
            IS_UKI: "false",
            EFI_MAX_SIZE: "2048",
            CUSTOM_ARG_BRAND: "acme",
            NEW_OPTION: "on",
        });
    });

    const refused: [given: Record<string, unknown>, problem: RegExp][] = [
        [{ imageRegistry: undefined }, /^imageRegistry: /],
        [{ imageRegistry: "https://ttl.sh" }, /without a scheme/],
        [{ imageRegistry: "registry.example.com/" }, /without a scheme/],
        [{ customTag: "My-Tag" }, /lower-case letters and digits only/],
        [{ customTag: "a".repeat(41) }, /at most 40/],
        [{ isoName: "installer.iso" }, /no \.iso/],
        [{ k8sVersion: "v1.34.2" }, /without v/],
        [{ k8sVersion: "1.34.2+k3s1" }, /without \+k3s1/],
        [{ branding: "a\nb" }, /line break/],
        [{ branding: "$(reboot)" }, /expand/],
        [{ clusterConfig: "../../etc/shadow" }, /beside the Earthfile/],
        [{ httpProxy: "proxy:3128" }, /URL of a proxy/],
        [{ extraArgs: { PATH: "/x" } }, /build's shell/],
        [{ extraArgs: { IS_UKI: "true" } }, /field of its own: isUki/],
        [{ extraArgs: { UBUNTU_PRO_KEY: "C1" } }, /is a secret/],
        [{ extraArgs: { CUSTOM_ARG_A: "1" } }, /belongs to customArgs/],
        [{ extraArgs: { DOCA_DEB_PATH: "x" } }, /set by edgeAppliance/],
    ];
    for (const [given, problem] of refused) {
        it(`refuse ${JSON.stringify(given).slice(0, 50)}`, () => {
            expect(problemsOf(given)).to.have.lengthOf(1);
            expect(problemsOf(given)[0]).to.match(problem);
        });
    }
});

describe("canvos: what a checkout says", () => {
    const earthfile = readEarthfile(
        [
            "VERSION 0.6",
            "ARG SPECTRO_PUB_REPO=us-docker.pkg.dev/palette-images",
            "ARG KAIROS_BASE_IMAGE_URL=$SPECTRO_PUB_REPO/edge",
            "ARG PE_VERSION=v4.8.10",
            "ARG IMAGE_REPO=${OS_DISTRIBUTION}",
            'ARG ETCD_VERSION="v3.5.13"',
            "ARG OS_DISTRIBUTION",
            "ARG LOOP=$LOOP",
            'IF [ "$FIPS_ENABLED" = "true" ]',
            "    ARG BIN_TYPE=vertex",
            "END",
            "build-provider-images:",
            "    ARG TARGET=provider-image",
            "    BUILD +provider-image --K8S_VERSION=1.27.2",
            "    BUILD --platform=linux/amd64 +provider-image --K8S_VERSION=1.28.2",
            "iso:",
        ].join("\n"),
    );

    it("has defaults that refer to others", () => {
        expect(defaultOf(earthfile, "PE_VERSION", {})).to.equal("v4.8.10");
        expect(defaultOf(earthfile, "KAIROS_BASE_IMAGE_URL", {})).to.equal(
            "us-docker.pkg.dev/palette-images/edge",
        );
        expect(defaultOf(earthfile, "KAIROS_BASE_IMAGE_URL", { SPECTRO_PUB_REPO: "m.local" })).to.equal(
            "m.local/edge",
        );
        expect(defaultOf(earthfile, "IMAGE_REPO", { OS_DISTRIBUTION: "ubuntu" })).to.equal("ubuntu");
        expect(defaultOf(earthfile, "ETCD_VERSION", {})).to.equal("v3.5.13");
        expect(defaultOf(earthfile, "LOOP", {})).to.equal("");
    });

    it("has targets, declared arguments and the versions of older build lines", () => {
        expect([...earthfile.targets]).to.deep.equal(["build-provider-images", "iso"]);
        expect(earthfile.declared.has("BIN_TYPE")).to.equal(true);
        expect(earthfile.defaults.has("BIN_TYPE")).to.equal(false);
        expect(earthfile.writtenVersions).to.deep.equal(["1.27.2", "1.28.2"]);
    });

    it("has a list of Kubernetes versions by distribution", () => {
        const versions = readKubernetesVersions('{"k3s": ["1.32.10",\t\n"1.33.1", "1.33.3"], "rke2": []}');
        expect(versions.k3s).to.deep.equal(["1.32.10", "1.33.1", "1.33.3"]);
        expect(versionsNear("1.33.9", versions.k3s ?? [])).to.deep.equal(["1.33.1", "1.33.3"]);
        expect(versionsNear("1.99.0", versions.k3s ?? [])).to.deep.equal(["1.32.10", "1.33.1", "1.33.3"]);
        expect(() => readKubernetesVersions("{")).to.throw(
            /k8s_version.json of the checkout is not valid JSON/,
        );
        expect(() => readKubernetesVersions('{"k3s": "1.2.3"}')).to.throw(/no map of distributions/);
    });

    it("knows which distributions have a FIPS build", () => {
        expect(fipsProblem("k3s")).to.match(/rke2, or kubeadm-fips/);
        expect(fipsProblem("kubeadm")).to.match(/use kubeadm-fips/);
        expect(fipsProblem("kubeadm-fips")).to.equal(undefined);
        expect(fipsProblem("rke2")).to.equal(undefined);
    });
});

import { expect } from "chai";
import { readArgFile } from "../../../provider/canvos/argFile";
import { buildArguments } from "../../../provider/canvos/arguments.schema";
import { readEarthfile, scriptVariables } from "../../../provider/canvos/earthfile";
import { effectiveVariables, judgeBuild, type Build, type Checkout } from "../../../provider/canvos/rules";
import { formatPath } from "../../../provider/resource/problem";

const NAMES =
    "OS_DISTRIBUTION OS_VERSION K8S_VERSION K8S_DISTRIBUTION IMAGE_REGISTRY CUSTOM_TAG ARCH BASE_IMAGE FIPS_ENABLED " +
    "UPDATE_KERNEL IS_UKI IS_MAAS TWO_NODE SPECTRO_PUB_REPO BRANDING INSTALL_NVIDIA_GPU_DRIVERS INSTALL_AMD_GPU_DRIVERS";
const TARGETS =
    "build-all-images build-provider-images build-provider-images-fips provider-image iso uki-genkey";

function checkout(changes: Partial<Checkout> & { peVersion?: string; extraLines?: string } = {}): Checkout {
    const { peVersion = "v4.8.10", extraLines = "", ...rest } = changes;
    const earthfile = [
        ...NAMES.split(" ").map((name) => `ARG ${name}`),
        `ARG PE_VERSION=${peVersion}`,
        "ARG IMAGE_REPO=$OS_DISTRIBUTION",
        "ARG SPECTRO_THIRD_PARTY_IMAGE=us-docker.pkg.dev/palette-images/third-party/spectro-third-party:4.8",
        ...TARGETS.split(" ").map((target) => `${target}:`),
        extraLines,
    ];
    return {
        tag: "v4.8.10",
        earthfile: readEarthfile(earthfile.join("\n")),
        template: readArgFile(
            "CUSTOM_TAG=demo\nIMAGE_REGISTRY=ttl.sh\nOS_DISTRIBUTION=ubuntu\nIMAGE_REPO=$OS_DISTRIBUTION\n" +
                "OS_VERSION=22.04\nK8S_DISTRIBUTION=k3s\nARCH=amd64\n",
        ).variables,
        versions: {
            k3s: ["1.33.1", "1.34.2"],
            kubeadm: ["1.34.2"],
            "kubeadm-fips": ["1.34.2"],
            nodeadm: ["1.32.0"],
        },
        script: "",
        scriptVariables: scriptVariables("source .arg; echo $MAAS_IMAGE_NAME ${EARTHLY_VERSION}"),
        hasSecureBootKeys: false,
        ...rest,
    };
}

interface Case {
    name: string;
    given?: Record<string, unknown>;
    build?: Partial<Omit<Build, "arguments">>;
    checkout?: Parameters<typeof checkout>[0];
    problems?: [path: string, message: RegExp][];
    warnings?: [path: string, message: RegExp][];
}

const appliance = {
    doca: "doca-host_3.2.1-044000-25.10-ubuntu2404_amd64.deb",
    bfb: "bf-bundle-3.2.1-34_25.11_ubuntu-24.04_64k_prod.bfb",
};

const CASES: Case[] = [
    { name: "a plain build" },
    { name: "the appliance", given: { osVersion: "24.04" }, build: { edgeAppliance: appliance } },
    {
        name: "a distribution whose list is empty",
        given: { k8sDistribution: "canonical" },
        problems: [
            ["arguments.k8sDistribution", /would build nothing.*use k3s, kubeadm, kubeadm-fips or nodeadm/],
        ],
    },
    {
        name: "every version",
        given: { k8sVersion: undefined },
        warnings: [["arguments.k8sVersion", /each of the 2 versions of k3s/]],
    },
    {
        name: "a version that is not built",
        given: { k8sVersion: "1.34.9" },
        problems: [["arguments.k8sVersion", /no 1\.34\.9 of k3s: it has 1\.34\.2$/]],
    },
    {
        name: "a version that an old checkout ignores",
        checkout: { versions: undefined, extraLines: "    BUILD +provider-image --K8S_VERSION=1.28.2" },
        problems: [["arguments.k8sVersion", /ignores it .* builds 1\.28\.2 of its Earthfile/]],
    },
    {
        name: "one version of an old checkout",
        build: { targets: ["provider-image", "iso"] },
        checkout: { versions: undefined },
    },
    {
        name: "k3s with FIPS",
        given: { fipsEnabled: true },
        problems: [["arguments.k8sDistribution", /k3s has no FIPS build/]],
    },
    {
        name: "kubeadm with the FIPS target",
        given: { k8sDistribution: "kubeadm" },
        build: { targets: ["build-provider-images-fips"] },
        problems: [["arguments.k8sDistribution", /use kubeadm-fips/]],
    },
    {
        name: "FIPS with a kernel update",
        given: { k8sDistribution: "kubeadm-fips", fipsEnabled: true, updateKernel: true },
        problems: [["arguments.updateKernel", /validated/]],
    },
    {
        name: "kubeadm-fips without FIPS",
        given: { k8sDistribution: "kubeadm-fips" },
        warnings: [["arguments.fipsEnabled", /is not set/]],
    },
    {
        name: "nodeadm on arm64",
        given: { k8sDistribution: "nodeadm", k8sVersion: "1.32.0", arch: "arm64" },
        problems: [["arguments.k8sDistribution", /ubuntu on amd64 only/]],
    },
    {
        name: "an appliance of everything it cannot be",
        given: {
            updateKernel: true,
            isUki: true,
            arch: "arm64",
            osDistribution: "opensuse-leap",
            osVersion: "15.6",
        },
        build: { edgeAppliance: {} },
        problems: [
            ["arguments.osDistribution", /must be ubuntu with edgeAppliance/],
            ["arguments.arch", /must be amd64/],
            ["arguments.updateKernel", /kernel modules/],
            ["arguments.isUki", /does not fit/],
        ],
    },
    {
        name: "firmware for another Ubuntu",
        build: { edgeAppliance: appliance },
        problems: [
            ["edgeAppliance.doca", /made for Ubuntu 24\.04, the image is Ubuntu 22\.04/],
            ["edgeAppliance.bfb", /made for Ubuntu 24\.04/],
        ],
    },
    {
        name: "firmware for the Ubuntu of a short version",
        given: { osVersion: "22" },
        build: { edgeAppliance: { doca: "doca-host_2.9-ubuntu2204_amd64.deb" } },
    },
    {
        name: "firmware for another architecture",
        given: { osVersion: "24.04" },
        build: { edgeAppliance: { doca: "doca-host_3-ubuntu2404_arm64.deb" } },
        problems: [["edgeAppliance.doca", /made for arm64/]],
    },
    {
        name: "rhel without a base image",
        given: { osDistribution: "rhel" },
        problems: [["arguments.baseImage", /is required for rhel/]],
    },
    { name: "rhel with one", given: { osDistribution: "rhel", baseImage: "registry.example.com/rhel:9" } },
    {
        name: "Jetson on amd64",
        given: { baseImage: "quay.io/kairos/ubuntu:20.04-core-arm64-nvidia-jetson-agx-orin-v2.4.3" },
        problems: [["arguments.arch", /must be arm64/]],
    },
    {
        name: "an Ubuntu that CanvOS does not have",
        given: { osVersion: "23.10" },
        warnings: [["arguments.osVersion", /20\.04, 22, 22\.04, 24\.04 only/]],
    },
    {
        name: "UKI without keys",
        given: { isUki: true },
        problems: [["arguments.isUki", /uki-genkey first/]],
    },
    { name: "UKI with keys", given: { isUki: true }, checkout: { hasSecureBootKeys: true } },
    { name: "UKI with keys made first", given: { isUki: true }, build: { targets: ["uki-genkey", "iso"] } },
    {
        name: "UKI with keys made last",
        given: { isUki: true },
        build: { targets: ["iso", "uki-genkey"] },
        problems: [["targets[1]", /comes after iso, which takes the keys/]],
    },
    {
        name: "MAAS of another distribution",
        given: { osDistribution: "opensuse-leap", osVersion: "15.6" },
        build: { targets: ["maas-image"] },
        problems: [["arguments.osDistribution", /must be ubuntu for a MAAS image/]],
    },
    {
        name: "two nodes on arm64",
        given: { twoNode: true, arch: "arm64" },
        problems: [["arguments.twoNode", /amd64 only/]],
    },
    {
        name: "drivers of both makers",
        given: { installNvidiaGpuDrivers: true, installAmdGpuDrivers: true },
        problems: [["arguments.installAmdGpuDrivers", /one of the two/]],
    },
    {
        name: "a tag whose Earthfile builds another version",
        checkout: { tag: "v4.10.0", peVersion: "v4.9.21" },
        problems: [
            [
                "arguments.peVersion",
                /tag is v4\.10\.0, its Earthfile builds v4\.9\.21.*peVersion: "v4\.9\.21"/,
            ],
        ],
    },
    {
        name: "the same with the version said",
        given: { peVersion: "v4.9.21" },
        checkout: { tag: "v4.10.0", peVersion: "v4.9.21" },
    },
    {
        name: "an empty tag that stays empty",
        given: { customTag: "" },
        build: { exactTag: true },
        problems: [["arguments.customTag", /one more dash/]],
    },
    { name: "an empty tag before the digest", given: { customTag: "" } },
    {
        name: "an expiring registry",
        given: { imageRegistry: "ttl.sh" },
        warnings: [["arguments.imageRegistry", /24 hours/]],
    },
    {
        name: "a mirror that one part does not follow",
        given: { spectroPubRepo: "mirror.example.com/edge" },
        warnings: [["arguments.spectroThirdPartyImage", /does not follow spectroPubRepo/]],
    },
    {
        name: "arguments that the version does not know",
        given: { storageProvider: "piraeus", extraArgs: { NEW_ONE: "1" }, customArgs: { BRAND: "acme" } },
        problems: [
            [
                "arguments.storageProvider",
                /\(v4\.8\.10\) does not know it: STORAGE_PROVIDER would be ignored/,
            ],
            ["arguments.customArgs", /would not reach the Dockerfile/],
        ],
        warnings: [["arguments.extraArgs", /NEW_ONE/]],
    },
    {
        name: "arguments that only the script knows",
        given: { maasImageName: "edge", earthlyVersion: "v0.8.15", customArgs: { BRAND: "acme" } },
        checkout: {
            scriptVariables: scriptVariables('"$MAAS_IMAGE_NAME" $EARTHLY_VERSION grep CUSTOM_ARG_ .arg'),
        },
    },
    {
        name: "secrets that would be readable in the images",
        given: {
            httpsProxy: "http://edge:the-password@proxy.example.com:3128",
            extraArgs: { REPO_TOKEN: "the-token" },
        },
        checkout: { extraLines: "ARG REPO_TOKEN\nARG HTTPS_PROXY" },
        warnings: [
            ["arguments.httpsProxy", /^holds a password, which stands in clear in the build's \.arg file/],
            ["arguments.extraArgs", /^REPO_TOKEN looks like a secret/],
        ],
    },
    {
        name: "a target that is not there",
        build: { targets: ["iso", "build-provider-image"] },
        problems: [["targets[1]", /Did you mean build-provider-images\?/]],
    },
];

describe("canvos: combinations that CanvOS would build wrong", () => {
    for (const { name, given, build, problems = [], warnings = [], ...rest } of CASES) {
        it(`${problems.length > 0 ? "refuse" : warnings.length > 0 ? "warn of" : "pass"} ${name}`, () => {
            const checked = buildArguments.parse({
                imageRegistry: "registry.example.com/edge",
                k8sVersion: "1.34.2",
                ...given,
            });
            if (given && "k8sVersion" in given && given.k8sVersion === undefined) delete checked.k8sVersion;
            const found = judgeBuild(
                { arguments: checked, targets: ["build-all-images"], ...build },
                checkout(rest.checkout),
            );
            for (const [kind, expected] of [
                ["problems", problems] as const,
                ["warnings", warnings] as const,
            ]) {
                expect(
                    found[kind].map(({ path }) => formatPath(path)),
                    kind,
                ).to.deep.equal(expected.map(([path]) => path));
                for (const [i, [, message]] of expected.entries())
                    expect(found[kind][i]?.message).to.match(message);
            }
        });
    }

    it("take the template's values, but neither its registry nor its repository", () => {
        const given = buildArguments.parse({
            imageRegistry: "registry.example.com/edge",
            osDistribution: "rhel",
            baseImage: "registry.example.com/rhel:9",
        });
        expect(effectiveVariables(given, checkout())).to.deep.equal({
            CUSTOM_TAG: "demo",
            IMAGE_REGISTRY: "registry.example.com/edge",
            OS_DISTRIBUTION: "rhel",
            BASE_IMAGE: "registry.example.com/rhel:9",
            OS_VERSION: "22.04",
            K8S_DISTRIBUTION: "k3s",
            ARCH: "amd64",
            IMAGE_REPO: "rhel",
        });
    });
});

import { z } from "zod";
import { argNameProblem, argValueProblem } from "./argFile";
import { baseImageBuild } from "./baseImage.schema";

/** Any text that both parsers of the `.arg` file read alike. */
function text(): z.ZodString {
    return z.string().superRefine((value, context) => {
        const message = argValueProblem(value);
        if (message !== undefined) context.addIssue(message);
    });
}

function matching(pattern: RegExp, rule: string): z.ZodOptional<z.ZodString> {
    return z.string().regex(pattern, rule).optional();
}

/** The keys are judged with the map: Zod hides why a key is refused. */
function namedTexts(
    problemOf: (name: string) => string | undefined,
): z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodString>> {
    return z
        .record(z.string(), text())
        .superRefine((values, context) => {
            for (const name of Object.keys(values)) {
                const message = problemOf(name);
                if (message !== undefined) context.addIssue(message);
            }
        })
        .optional();
}

const registry = (example: string): z.ZodString =>
    z
        .string()
        .regex(
            /^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/,
            `must be host[:port][/namespace] in lower case, without a scheme: ${example}`,
        );
const IMAGE = /^[a-z0-9][A-Za-z0-9._:/@-]*$/;
const IMAGE_RULE = "must be the reference of an image: registry.example.com/name:tag";
const image = matching(IMAGE, IMAGE_RULE);
const version = matching(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    "must be a version: letters, digits and . _ - only, as it stands in the tag of an image",
);
/** Compared as it stands by the Earthfile's conditions. */
const flag = z.boolean().optional();
const repository = registry("registry.example.com/mirror").optional();
const proxy = text()
    .regex(/^(?:https?:\/\/\S+)?$/, "must be the URL of a proxy: http://proxy.example.com:3128")
    .optional();
const fileName = matching(
    /^(?!.*(?:^|\/)\.\.(?:\/|$))[A-Za-z0-9_.][A-Za-z0-9_./-]*$/,
    "must be the name of a file beside the Earthfile: letters, digits and . _ - / only",
);

const variants = {
    fipsEnabled: flag,
    updateKernel: flag,
    cisHardening: flag,
    disableSelinux: flag,
    twoNode: flag,
    kineVersion: version,
    etcdVersion: version,
    drbdVersion: version,
    storageProvider: z.enum(["portworx", "piraeus"]).optional(),
    isMaas: flag,
    maasImageName: matching(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "must be a file name without .raw.gz"),
    ubuntuProAttach: flag,
    bundleK8sAndAgentProvider: flag,
    efiMaxSize: z.number().int().min(1).optional(),
    efiImgSize: z.number().int().min(1).optional(),
    golangVersion: version,
    debug: flag,
};

const trustedBoot = {
    isUki: flag,
    myOrg: text().min(1, "must not be empty").optional(),
    expirationInDays: z.number().int().min(1).optional(),
    ukiBringYourOwnKeys: flag,
    includeMsSecurebootKeys: flag,
    autoEnrollSecurebootKeys: flag,
    enrollSpectroExtensionCert: flag,
    spectroExtensionCertImage: image,
};

const sources = {
    spectroPubRepo: repository,
    spectroLuetRepo: repository,
    spectroThirdPartyImage: image,
    builder3rdPartyVersion: version,
    kairosBaseImageUrl: repository,
    baseImageUrl: repository,
    kairosVersion: version,
    kairosInitVersion: version,
    alpineImg: image,
    alpineTag: version,
    earthlyVersion: version,
    osbuilderImage: image,
    osbuilderVersion: version,
    aurorabootImage: image,
    aurorabootVersion: version,
    k3sFlavorTag: version,
    rke2FlavorTag: version,
    k3sProviderVersion: version,
    kubeadmProviderVersion: version,
    rke2ProviderVersion: version,
    nodeadmProviderVersion: version,
    canonicalProviderVersion: version,
};

const gpuDrivers = {
    installNvidiaGpuDrivers: flag,
    nvidiaDriverBranch: version,
    nvidiaDriverType: z.enum(["open", "proprietary"]).optional(),
    nvidiaUseCudaRepo: flag,
    nvidiaInstallFabricmanager: flag,
    nvidiaInstallImex: flag,
    nvidiaInstallContainerToolkit: flag,
    nvidiaRebuildInitrd: flag,
    installAmdGpuDrivers: flag,
    amdgpuDriverSource: z.enum(["dkms", "inbox"]).optional(),
    amdgpuDriverRelease: version,
    amdgpuInstallSmi: flag,
    amdgpuRebuildInitrd: flag,
};

const proxies = { httpProxy: proxy, httpsProxy: proxy, noProxy: text().optional(), proxyCertPath: fileName };

export const buildArguments = z.strictObject({
    imageRegistry: registry("registry.example.com/edge"),
    imageRepo: matching(
        /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/,
        "must be the name of a repository: lower-case letters, digits and . _ - / between them",
    ),
    customTag: matching(/^[a-z0-9]*$/, "may have lower-case letters and digits only").refine(
        (tag) => (tag ?? "").length <= 40,
        "may have at most 40 characters, so that the whole tag stays below an image tag's 128",
    ),
    osDistribution: z.enum(["ubuntu", "opensuse-leap", "rhel", "sles", "hadron"]).optional(),
    osVersion: matching(/^\d+(?:\.\d+)*$/, "must be a number such as 24.04"),
    baseImage: z.union([z.string().regex(IMAGE, IMAGE_RULE), baseImageBuild]).optional(),
    k8sDistribution: z.enum(["k3s", "rke2", "kubeadm", "kubeadm-fips", "nodeadm", "canonical"]).optional(),
    k8sVersion: matching(
        /^\d+\.\d+\.\d+$/,
        "must be three numbers such as 1.34.2, without v and without +k3s1: CanvOS adds those itself",
    ),
    arch: z.enum(["amd64", "arm64"]).optional(),
    isoName: matching(/^[a-z0-9_-]+$/, "may have lower-case letters, digits, - and _ only, and no .iso"),
    peVersion: matching(/^v\d+\.\d+\.[0-9a-z]+(?:-[0-9a-z.]+)?$/, "must be a version such as v4.8.10"),
    clusterConfig: fileName,
    edgeCustomConfig: fileName,
    cmdline: text().optional(),
    branding: text().optional(),
    forceInteractiveInstall: flag,
    customArgs: namedTexts((name) =>
        /^[A-Z_][A-Z0-9_]*$/.test(name)
            ? undefined
            : `${name} is no name of an ARG: upper-case letters, digits and _`,
    ),
    extraArgs: namedTexts(extraArgProblem),
    ...variants,
    ...proxies,
    ...trustedBoot,
    ...sources,
    ...gpuDrivers,
});

export type CheckedArguments = z.output<typeof buildArguments>;

/** Fields whose name in the `.arg` file does not follow from theirs. */
const IRREGULAR: Readonly<Record<string, string>> = {
    clusterConfig: "CLUSTERCONFIG",
    builder3rdPartyVersion: "BUILDER_3RDPARTY_VERSION",
};

/** The name of a field in the `.arg` file: `k8sVersion` is `K8S_VERSION`. */
export function variableOf(field: string): string {
    return IRREGULAR[field] ?? field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

const FIELDS: ReadonlyMap<string, string> = new Map(
    Object.keys(buildArguments.shape)
        .filter((field) => field !== "customArgs" && field !== "extraArgs")
        .map((field) => [variableOf(field), field]),
);

/** The field that a variable has, if it has one. */
export function fieldOf(variable: string): string | undefined {
    return FIELDS.get(variable);
}

/** Secrets, and what the appliance payload sets by itself. */
const ELSEWHERE: Readonly<Record<string, string>> = {
    UBUNTU_PRO_KEY: "is a secret, which would be readable in the image's history: give it in the settings",
    EDGE_APPLIANCE: "is set by edgeAppliance",
    DOCA_DEB_PATH: "is set by edgeAppliance",
    BFB_PATH: "is set by edgeAppliance",
    BFB_FILENAME: "is set by edgeAppliance",
};

function extraArgProblem(name: string): string | undefined {
    const field = fieldOf(name);
    if (field !== undefined) return `${name} has a field of its own: ${field}`;
    if (Object.hasOwn(ELSEWHERE, name)) return `${name} ${ELSEWHERE[name] ?? ""}`;
    if (name.startsWith("CUSTOM_ARG_")) return `${name} belongs to customArgs, without CUSTOM_ARG_`;
    const problem = argNameProblem(name);
    return problem && `${name} ${problem}`;
}

/** What was given, as variables of the `.arg` file. */
export function givenVariables(given: Partial<CheckedArguments>): Record<string, string> {
    const { customArgs = {}, extraArgs = {}, ...fields } = given;
    const variables: Record<string, string> = {};
    for (const [field, value] of Object.entries(fields)) {
        // A base image that is built has its name once it is planned.
        if (typeof value !== "object") variables[variableOf(field)] = String(value);
    }
    for (const [name, value] of Object.entries(customArgs)) variables[`CUSTOM_ARG_${name}`] = value;
    return { ...variables, ...extraArgs };
}

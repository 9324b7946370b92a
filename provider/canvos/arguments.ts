import type * as pulumi from "@pulumi/pulumi";

/**
 * The arguments of a CanvOS build: the variables of its `.arg` file, in camel case. What is left out has the default of
 * the checked-out version (its `.arg.template`, then its `Earthfile`), except for the registry, which has none. A
 * change of any of them is a new build.
 */
export interface BuildArguments
    extends BuildSources, BuildProxies, BuildTrustedBoot, BuildGpuDrivers, BuildVariants {
    /**
     * Registry and namespace of the provider images (`IMAGE_REGISTRY`), without a scheme: `registry.example.com/edge`.
     * There is no default; at ttl.sh images vanish after a day and can be overwritten by anyone.
     */
    imageRegistry: pulumi.Input<string>;
    /** Repository below the registry (`IMAGE_REPO`). Default: the distribution's name. */
    imageRepo?: pulumi.Input<string>;
    /** End of the image tag (`CUSTOM_TAG`): lower-case letters and digits. Default of the template: `demo`. */
    customTag?: pulumi.Input<string>;
    /** Operating system (`OS_DISTRIBUTION`). Default of the template: `ubuntu`. `rhel`, `sles` and `hadron` need `baseImage`. */
    osDistribution?: pulumi.Input<"ubuntu" | "opensuse-leap" | "rhel" | "sles" | "hadron">;
    /** Its version (`OS_VERSION`), such as `22.04`, `24.04`, `15.6`. Default of the template: `22.04`. */
    osVersion?: pulumi.Input<string>;
    /**
     * Base image instead of CanvOS's own (`BASE_IMAGE`): its name in a registry, or one that is built from a folder of the
     * checkout. The digest of a name is looked up once: as long as this text stays, it does, and a tag that was moved is
     * a warning with both digests.
     */
    baseImage?: pulumi.Input<string | BaseImageBuild>;
    /** Kubernetes distribution (`K8S_DISTRIBUTION`). Default of the template: `k3s`. FIPS builds need `kubeadm-fips` or `rke2`. */
    k8sDistribution?: pulumi.Input<"k3s" | "rke2" | "kubeadm" | "kubeadm-fips" | "nodeadm" | "canonical">;
    /**
     * Kubernetes version (`K8S_VERSION`) from the checkout's `k8s_version.json`, without `v`: `1.34.2`. Default: none,
     * which builds an image of some gigabytes for every version of the distribution.
     */
    k8sVersion?: pulumi.Input<string>;
    /** Architecture (`ARCH`). Default of the template: `amd64`. */
    arch?: pulumi.Input<"amd64" | "arm64">;
    /** Name of the ISO without `.iso` (`ISO_NAME`): lower-case letters, digits, `-` and `_`. Default of the template: `palette-edge-installer`. */
    isoName?: pulumi.Input<string>;
    /** Palette Edge version to build (`PE_VERSION`), such as `v4.8.10`. Default: the one of the checkout's `Earthfile`. */
    peVersion?: pulumi.Input<string>;
    /** File of the cluster configuration (`CLUSTERCONFIG`), beside the `Earthfile`. Default of the template: `spc.tgz`. */
    clusterConfig?: pulumi.Input<string>;
    /** File of the edge custom configuration (`EDGE_CUSTOM_CONFIG`). Default: `.edge-custom-config.yaml`. */
    edgeCustomConfig?: pulumi.Input<string>;
    /** Text of the kernel command line that starts the registration (`CMDLINE`, UKI). Default: `stylus.registration`. */
    cmdline?: pulumi.Input<string>;
    /** Title of the boot menu (`BRANDING`). Default: `Palette eXtended Kubernetes Edge`. */
    branding?: pulumi.Input<string>;
    /** Make the interactive installer the default entry of the boot menu (`FORCE_INTERACTIVE_INSTALL`; not with UKI). Default: false. */
    forceInteractiveInstall?: pulumi.Input<boolean>;
    /**
     * Values for `ARG` lines of your own in the `Dockerfile`: `{ BRAND: "acme" }` becomes `CUSTOM_ARG_BRAND`. No
     * secrets: build arguments are readable in the image's history.
     */
    customArgs?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Any other variable, by its name in the `.arg` file. No secrets. */
    extraArgs?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/**
 * A base image from a folder of the checkout, pushed beside the provider images. Its tag follows from what it is built of:
 * it is built once, for all that use it, and stays when they are deleted.
 */
export interface BaseImageBuild {
    /**
     * The folder: `rhel-core-images`, `rhel-fips`, `ubuntu-fips`, `slem`, and in later versions `rhel-stig`, `ubuntu-uki`
     * and `hadron`. RHEL's take `rhsmUsername` and `rhsmPassword` of the settings, `ubuntu-fips` takes `ubuntuProKey`,
     * `slem` from 4.10 on `suseRegistrationCode`; none of them is in the image.
     */
    build: pulumi.Input<string>;
    /** Version of the system where the folder has several: `9`, `22.04`. Default: `osVersion`. */
    version?: pulumi.Input<string>;
    /** Dockerfile in the folder where it has several for the version: `Dockerfile.rhel9-fips`. */
    dockerfile?: pulumi.Input<string>;
    /** Values of the Dockerfile's own `ARG` lines. No secrets: they are readable in the image's history. */
    buildArgs?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Where it is pushed to, without tag. Default: the folder's name below `imageRegistry`. */
    repository?: pulumi.Input<string>;
}

/** Changes of what is built. */
export interface BuildVariants {
    /** Build with FIPS-validated parts (`FIPS_ENABLED`). Default: false. */
    fipsEnabled?: pulumi.Input<boolean>;
    /** Upgrade the kernel to the newest of the distribution (`UPDATE_KERNEL`). Default: false. */
    updateKernel?: pulumi.Input<boolean>;
    /** Harden by the CIS benchmark (`CIS_HARDENING`). Default: false. */
    cisHardening?: pulumi.Input<boolean>;
    /** Switch SELinux off (`DISABLE_SELINUX`). Default: true. */
    disableSelinux?: pulumi.Input<boolean>;
    /** Build for clusters of two nodes (`TWO_NODE`): PostgreSQL and kine. Default: false. */
    twoNode?: pulumi.Input<boolean>;
    /** Version of kine (`KINE_VERSION`) for `twoNode`. */
    kineVersion?: pulumi.Input<string>;
    /** Version of etcdctl (`ETCD_VERSION`), such as `v3.5.13`. */
    etcdVersion?: pulumi.Input<string>;
    /** Version of the DRBD module for Piraeus (`DRBD_VERSION`), such as `9.2.13`. */
    drbdVersion?: pulumi.Input<string>;
    /** Prerequisites of a storage provider (`STORAGE_PROVIDER`). */
    storageProvider?: pulumi.Input<"portworx" | "piraeus">;
    /** Build a MAAS image (`IS_MAAS`); Ubuntu only. Default: false. */
    isMaas?: pulumi.Input<boolean>;
    /** Name of the MAAS image without `.raw.gz` (`MAAS_IMAGE_NAME`). Default: `kairos-ubuntu-maas`. */
    maasImageName?: pulumi.Input<string>;
    /** Attach Ubuntu Pro during the build (`UBUNTU_PRO_ATTACH`); its key comes from the settings, never from here. Default: false. */
    ubuntuProAttach?: pulumi.Input<boolean>;
    /** Put Kubernetes and the agent provider into the image whatever its systemd (`BUNDLE_K8S_AND_AGENT_PROVIDER`). Default: false. */
    bundleK8sAndAgentProvider?: pulumi.Input<boolean>;
    /** Sizes of the EFI partition probe in MiB (`EFI_MAX_SIZE`). Default: 2048. */
    efiMaxSize?: pulumi.Input<number>;
    /** Size of its image in MiB (`EFI_IMG_SIZE`). Default: 2200. */
    efiImgSize?: pulumi.Input<number>;
    /** Go version of the build's tools (`GOLANG_VERSION`). */
    golangVersion?: pulumi.Input<string>;
    /** Let the ISO tool tell more (`DEBUG`). Default: false. */
    debug?: pulumi.Input<boolean>;
}

/** Proxies of the build. */
export interface BuildProxies {
    /** `HTTP_PROXY`: `http://proxy.example.com:3128`. */
    httpProxy?: pulumi.Input<string>;
    /** `HTTPS_PROXY`. */
    httpsProxy?: pulumi.Input<string>;
    /** `NO_PROXY`: host names, comma-separated. */
    noProxy?: pulumi.Input<string>;
    /** CA certificate of the proxy (`PROXY_CERT_PATH`), in versions before the `certs/` folder. */
    proxyCertPath?: pulumi.Input<string>;
}

/** Secure Boot with unified kernel images ("trusted boot"). */
export interface BuildTrustedBoot {
    /** Build unified kernel images (`IS_UKI`). Needs the keys in `secure-boot/`. Default: false. */
    isUki?: pulumi.Input<boolean>;
    /** Organisation in made certificates (`MY_ORG`). */
    myOrg?: pulumi.Input<string>;
    /** How long made certificates are valid, in days (`EXPIRATION_IN_DAYS`). Default: 5475. */
    expirationInDays?: pulumi.Input<number>;
    /** Use an own CA's keys (`UKI_BRING_YOUR_OWN_KEYS`). Default: false. */
    ukiBringYourOwnKeys?: pulumi.Input<boolean>;
    /** Trust Microsoft's certificates, too (`INCLUDE_MS_SECUREBOOT_KEYS`). Default: true. */
    includeMsSecurebootKeys?: pulumi.Input<boolean>;
    /** Enrol the keys on devices in set-up mode without asking (`AUTO_ENROLL_SECUREBOOT_KEYS`). Default: false. */
    autoEnrollSecurebootKeys?: pulumi.Input<boolean>;
    /** Trust the certificate of Palette's system extensions (`ENROLL_SPECTRO_EXTENSION_CERT`). Default: true. */
    enrollSpectroExtensionCert?: pulumi.Input<boolean>;
    /** Image that holds that certificate (`SPECTRO_EXTENSION_CERT_IMAGE`). */
    spectroExtensionCertImage?: pulumi.Input<string>;
}

/** Where the build takes its parts from: for private registries, mirrors and other versions. */
export interface BuildSources {
    /** Registry of CanvOS's parts (`SPECTRO_PUB_REPO`), without a scheme. */
    spectroPubRepo?: pulumi.Input<string>;
    /** Registry of the package repositories (`SPECTRO_LUET_REPO`). */
    spectroLuetRepo?: pulumi.Input<string>;
    /** Image of third-party tools (`SPECTRO_THIRD_PARTY_IMAGE`): named in full, it does not follow `spectroPubRepo`. */
    spectroThirdPartyImage?: pulumi.Input<string>;
    /** Its version (`BUILDER_3RDPARTY_VERSION`). */
    builder3rdPartyVersion?: pulumi.Input<string>;
    /** Registry of the base images (`KAIROS_BASE_IMAGE_URL`). Default: below `spectroPubRepo`. */
    kairosBaseImageUrl?: pulumi.Input<string>;
    /** Registry of Kairos's own images (`BASE_IMAGE_URL`). */
    baseImageUrl?: pulumi.Input<string>;
    /** Version of the base images (`KAIROS_VERSION`). */
    kairosVersion?: pulumi.Input<string>;
    /** Version of kairos-init in them (`KAIROS_INIT_VERSION`), from 4.10 on. */
    kairosInitVersion?: pulumi.Input<string>;
    /** `ALPINE_IMG`. */
    alpineImg?: pulumi.Input<string>;
    /** `ALPINE_TAG`. */
    alpineTag?: pulumi.Input<string>;
    /** Version of Earthly (`EARTHLY_VERSION`), as found below `spectroPubRepo`. */
    earthlyVersion?: pulumi.Input<string>;
    /** ISO tool (`OSBUILDER_IMAGE`). */
    osbuilderImage?: pulumi.Input<string>;
    /** Its version (`OSBUILDER_VERSION`). */
    osbuilderVersion?: pulumi.Input<string>;
    /** ISO and disk tool (`AURORABOOT_IMAGE`). */
    aurorabootImage?: pulumi.Input<string>;
    /** Its version (`AURORABOOT_VERSION`). */
    aurorabootVersion?: pulumi.Input<string>;
    /** Flavour of the k3s packages (`K3S_FLAVOR_TAG`): `k3s1`. */
    k3sFlavorTag?: pulumi.Input<string>;
    /** Flavour of the RKE2 packages (`RKE2_FLAVOR_TAG`): `rke2r1`. */
    rke2FlavorTag?: pulumi.Input<string>;
    /** `K3S_PROVIDER_VERSION`. */
    k3sProviderVersion?: pulumi.Input<string>;
    /** `KUBEADM_PROVIDER_VERSION`. */
    kubeadmProviderVersion?: pulumi.Input<string>;
    /** `RKE2_PROVIDER_VERSION`. */
    rke2ProviderVersion?: pulumi.Input<string>;
    /** `NODEADM_PROVIDER_VERSION`. */
    nodeadmProviderVersion?: pulumi.Input<string>;
    /** `CANONICAL_PROVIDER_VERSION`. */
    canonicalProviderVersion?: pulumi.Input<string>;
}

/** GPU drivers in the image, from 4.10 on: either of the two makers. */
export interface BuildGpuDrivers {
    /** `INSTALL_NVIDIA_GPU_DRIVERS`. Default: false. */
    installNvidiaGpuDrivers?: pulumi.Input<boolean>;
    /** `NVIDIA_DRIVER_BRANCH`, such as `580`. */
    nvidiaDriverBranch?: pulumi.Input<string>;
    /** `NVIDIA_DRIVER_TYPE`. Default: `open`, which Hopper and Blackwell need. */
    nvidiaDriverType?: pulumi.Input<"open" | "proprietary">;
    /** `NVIDIA_USE_CUDA_REPO`. Default: true. */
    nvidiaUseCudaRepo?: pulumi.Input<boolean>;
    /** `NVIDIA_INSTALL_FABRICMANAGER`. */
    nvidiaInstallFabricmanager?: pulumi.Input<boolean>;
    /** `NVIDIA_INSTALL_IMEX`. */
    nvidiaInstallImex?: pulumi.Input<boolean>;
    /** `NVIDIA_INSTALL_CONTAINER_TOOLKIT`. Default: false. */
    nvidiaInstallContainerToolkit?: pulumi.Input<boolean>;
    /** `NVIDIA_REBUILD_INITRD`. Default: true. */
    nvidiaRebuildInitrd?: pulumi.Input<boolean>;
    /** `INSTALL_AMD_GPU_DRIVERS`. Default: false. */
    installAmdGpuDrivers?: pulumi.Input<boolean>;
    /** `AMDGPU_DRIVER_SOURCE`. Default: `dkms`. */
    amdgpuDriverSource?: pulumi.Input<"dkms" | "inbox">;
    /** `AMDGPU_DRIVER_RELEASE`, with `dkms` only. */
    amdgpuDriverRelease?: pulumi.Input<string>;
    /** `AMDGPU_INSTALL_SMI`. Default: true. */
    amdgpuInstallSmi?: pulumi.Input<boolean>;
    /** `AMDGPU_REBUILD_INITRD`. Default: false. */
    amdgpuRebuildInitrd?: pulumi.Input<boolean>;
}

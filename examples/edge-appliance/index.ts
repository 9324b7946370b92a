import * as pulumi from "@pulumi/pulumi";
import { canvos } from "pulumi-edge-os";

// Where CanvOS, the images it starts from, the firmware and your registry are. "npm run up" writes stand-ins of the lab
// into the stack's configuration: a small repository with CanvOS's layout and contract, and packages of these names and
// versions that hold next to nothing. The README tells how to have the real ones.
const { repository, registry, firmware } = new pulumi.Config().requireObject<{
    repository: string;
    registry: string;
    firmware: string;
}>("appliance");
const isLab = registry.startsWith("127.0.0.1:");

const appliance = new canvos.ApplianceImage("appliance", {
    // The tag is the version of your Palette agents. It is looked up once: a tag that moves changes nothing.
    source: { git: repository, ref: "v4.8.10" },
    arguments: {
        imageRegistry: registry,
        osDistribution: "ubuntu",
        osVersion: "24.04",
        k8sDistribution: "kubeadm",
        k8sVersion: "1.34.2",
        customTag: "demo",
        // Everything that CanvOS pulls comes from the lab's registry, too.
        ...(isLab
            ? {
                  spectroPubRepo: registry,
                  spectroThirdPartyImage: `${registry}/third-party/spectro-third-party:4.8`,
              }
            : {}),
    },
    // Laid over CanvOS's own overlay; its modes are kept.
    overlay: "overlay",
    edgeAppliance: {
        doca: { source: `${firmware}/doca-host_3.2.1-044000-25.10-ubuntu2404_amd64.deb` },
        bfb: { source: `${firmware}/bf-bundle-3.2.1-34_25.11_ubuntu-24.04_64k_prod.bfb` },
        nodeprep: "nodeprep.sh",
    },
    // The same for all hosts. What is different, and the registration token, comes with a small ISO of each host
    // (palette.SiteIso, as in examples/palette-site).
    userData: {
        stylus: {
            site: {
                paletteEndpoint: "api.spectrocloud.com",
                // Where the QR code leads that a host without a token shows.
                registrationURL: "https://edge-registration.example.com",
            },
        },
        install: {
            bind_mounts: ["/etc/default", "/etc/lldpd.d", "/etc/modprobe.d", "/etc/modules-load.d"],
            grub_options: { extra_cmdline: "intel_iommu=on iommu=pt" },
        },
    },
    verify: {
        // Built for the kernel of the image, or hosts would have no network.
        dkms: ["mlnx-ofed-kernel"],
        packages: { mft: "present" },
        iso: { menu: ["Palette eXtended Kubernetes Edge Installer"] },
    },
    // The installer ISO is booted before anything is pushed, with BIOS and with UEFI.
    smokeTest: { memoryMb: 4096, cores: 2, until: ["Welcome to Kairos!", "login:"] },
    onDelete: "remove",
});

/** The provider image, for a cluster profile: known in the preview. */
export const systemUri = appliance.systemUri;
/** For a program of its own that makes the profile: palette.edgeNativeByoi takes both through a stack reference. */
export const kubernetesVersions = appliance.kubernetesVersions;
/** Values of the pack edge-native-byoi, which CanvOS's README has you copy out of the build's output. */
export const profileValues = appliance.profileValues;
export const images = appliance.images;
export const iso = appliance.iso;
export const checksPassed = appliance.checksPassed;

import type { Explanation } from "./explanation";

const STEP = "a step of the installation (provisioningStatus)";
const CHECKED = "OsProfile and edge-os emf profile check refuse this at preview";
const AGAIN = "then install the host again: EdgeHost with another reimageToken";

/** What the installer says when an image cannot be written, or does not do as a disk. */
export const IMAGE_TEXTS: readonly Explanation[] = [
    {
        text: "Image SHA-256 hash mismatch",
        from: STEP,
        cause: "the bytes the machine downloaded (the compressed file, as it is transferred) are not those of the profile: the file was changed, the digest is of the unpacked image, or the download broke off",
        todo: [
            "compare: curl -s URL | sha256sum with the profile's sha256",
            "publish the new content under a new name with its own profile (image: a DiskImage takes both from one pass)",
            AGAIN,
        ],
    },
    {
        text: "x509: certificate signed by unknown authority",
        from: STEP,
        cause: "the machine does not trust the image server: the profile has no certificate and the server's is from a private CA, or the server shows another one than the profile's",
        todo: [
            "give the profile the server's certificate, or better its CA's: tlsCaCert (OsProfile takes the server's own by default)",
            "after a renewal: certificateFingerprint with the new certificate's fingerprint; it is changed in place",
            AGAIN,
        ],
    },
    {
        text: "x509: certificate has expired or is not yet valid",
        from: STEP,
        cause: "the image server's certificate has expired, or the machine's clock is wrong",
        todo: [
            "check the dates: openssl s_client -connect HOST:443 | openssl x509 -noout -dates",
            "check the machine's clock in its BIOS",
            AGAIN,
        ],
    },
    {
        text: "x509: certificate is valid for <names>, not <host>",
        from: STEP,
        cause: "the image's URL names the server otherwise than its certificate does",
        todo: [
            "publish under a name that the certificate has, in a new profile",
            "or give the server a certificate for this name",
        ],
    },
    {
        text: "Error decoding base64 TLS CA certificate",
        from: STEP,
        cause: "tlsCaCert of the profile is no base64",
        todo: ["set tlsCaCert anew: a PEM file is enough, OsProfile encodes it", CHECKED],
    },
    {
        text: "failed to validate CA certificate: invalid CA certificate: <reason>",
        from: STEP,
        cause: "tlsCaCert of the profile is base64, but of no PEM certificate",
        todo: ["set tlsCaCert anew: a PEM file is enough, OsProfile encodes it", CHECKED],
    },
    {
        text: "unknown compression suffix [<suffix>]",
        from: STEP,
        cause: "the writer of raw images knows bz2, bzip2, gz, xz and zs; not zst",
        todo: ["publish the image as .gz, .xz or .bz2, in a new profile", CHECKED],
    },
    {
        text: "unsupported compression format [<suffix>]",
        from: STEP,
        cause: "the writer of qcow2 images does not know this suffix",
        todo: ["publish the image uncompressed as .img, or as raw.gz, in a new profile", CHECKED],
    },
    {
        text: 'unsupported protocol scheme "<scheme>"',
        from: STEP,
        cause: "the image's URL is not https",
        todo: ["publish the image over HTTPS, in a new profile", CHECKED],
    },
    {
        text: "Failed to download the image from URL: <reason>",
        from: STEP,
        cause: "the machine could not fetch the image; the reason is behind it",
        todo: [
            "try the URL from the site, through the site's proxy; from elsewhere it proves little",
            "a MUTABLE profile needs a full https URL",
            AGAIN,
        ],
    },
    {
        text: "connect: connection refused",
        from: STEP,
        cause: "nothing listens at this address and port, seen from the machine. 127.0.0.1 is the machine's own release-service proxy, which IMMUTABLE profiles with a relative path use",
        todo: ["check the image's URL and the server's firewall", AGAIN],
    },
    {
        text: "no such host",
        from: STEP,
        cause: "the machine cannot resolve the image server's name",
        todo: ["check the URL, the site's DNS, and the proxy settings of the site", AGAIN],
    },
    {
        text: "i/o timeout",
        from: STEP,
        cause: "the image server did not answer the machine: usually a firewall or a missing proxy",
        todo: ["try the URL from the site's network", AGAIN],
    },
    {
        text: "failed to download image, HTTP status code: <status>",
        from: STEP,
        cause: "the image server refused the file (404: not there; 403: needs a login, which machines do not have)",
        todo: ["fetch the URL without any login: curl -I URL", AGAIN],
    },
    {
        text: "<url> not found",
        from: STEP,
        cause: "the image server answers 404 for the profile's URL",
        todo: [
            "publish the file again under exactly this name, or make a new profile with the right URL",
            AGAIN,
        ],
    },
    {
        text: "no space left on device",
        from: STEP,
        cause: "the unpacked image is larger than the machine's disk; the installer takes the smallest one that it finds (sd… before nvme…)",
        todo: ["build a smaller image, or take the small disk out of the machine", AGAIN],
    },
    {
        text: "network block device attach failed",
        from: STEP,
        cause: "the qcow2 file could not be attached: damaged, or one of its features is not known (in EMF 2025.2 also a fault of the platform with its lock file)",
        todo: [
            "check it: qemu-img check FILE",
            "publish it as raw.gz instead, in a new profile: that way needs no attaching",
        ],
    },
    {
        text: "failed to write image to disk: exit status <status>",
        from: STEP,
        cause: "the qcow2 could not be copied: no readable partition table in it, or a disk that is too small",
        todo: ["edge-os checks both before: publish through image.DiskImage", AGAIN],
    },
    {
        text: "Streaming OS image",
        alone: true,
        from: STEP,
        cause: "the step that downloads the image, checks its digest and writes it to the disk",
        todo: ["explain the whole status: the reason stands behind the step"],
    },
    {
        text: "Verifying Secure Boot Settings Mismatch",
        from: STEP,
        cause: "Secure Boot in the machine's BIOS and securityFeature of the instance are not the same",
        todo: [
            "switch Secure Boot on in the BIOS (SECURE_BOOT_AND_FULL_DISK_ENCRYPTION) or off (NONE), or change securityFeature of the host",
            AGAIN,
        ],
    },
    {
        text: "Drive detection Error: No valid drives found",
        from: STEP,
        cause: "the machine has no disk that the installer takes (removable ones do not count)",
        todo: ["check the disk and the storage controller's mode in the BIOS (AHCI, not RAID)", AGAIN],
    },
    {
        text: "Most likely no OS was installed",
        from: STEP,
        cause: "after the image was written the disk has no partition to boot: the image is no GPT disk, or was written in a wrong form (a qcow2 as raw)",
        todo: [
            'qcow2 is only detected behind names that contain ".img", uncompressed, and behind a public CA: publish raw.gz otherwise',
            "image.DiskImage with expect finds this before anything is published",
        ],
    },
    {
        text: "root partition not found for disk<disk>",
        from: STEP,
        cause: "the image has no root partition where the installer looks for it (Ubuntu: an ext4 partition; Edge Microvisor: rootfs_a)",
        todo: [
            "is type right? MUTABLE is installed as Ubuntu, IMMUTABLE as Edge Microvisor",
            "check the image's partitions: sgdisk -p",
        ],
    },
    {
        text: "Mounting [<device>] -> [<folder>] error [<reason>]",
        from: STEP,
        cause: "the root partition is there, but its file system is not the one that the installer mounts",
        todo: [
            "is type right? MUTABLE needs ext4",
            "check the image's file systems: image.DiskImage names them",
        ],
    },
    {
        text: "wrong fs type, bad option, bad superblock",
        from: STEP,
        cause: "the EFI system partition of the image is no FAT file system",
        todo: ["build the image with a FAT32 EFI system partition"],
    },
    {
        text: "can't find <folder> in /etc/fstab",
        from: STEP,
        cause: "the Ubuntu image's fstab does not mount the EFI partition, which the kernel's update relies on",
        todo: ["add LABEL=UEFI /boot/efi vfat to the image's fstab"],
    },
    {
        text: "Upgrading kernel",
        alone: true,
        from: STEP,
        cause: "the step that mounts boot and EFI partition of Ubuntu images; present EMF versions ignore kernelVersion and skip_kernel_upgrade of the profile",
        todo: ["explain the whole status: the reason stands behind the step"],
    },
];

import { ims } from "pulumi-edge-os";

// The lower layer changes rarely: packages with a kernel module, and the initrd that loads it.
const drivers = new ims.CustomizedImage("drivers", {
    baseImage: "compute-base",
    name: "compute-drivers",
    steps: [
        { packages: { install: ["edge-nic-driver", "node-health"] } },
        { upload: "files/modules-load.d", to: "/etc/modules-load.d" },
        { regenerateInitrd: true },
    ],
});

// The upper layer changes often, and takes a job of its own: the lower one stays as it is.
const compute = new ims.CustomizedImage("compute", {
    baseImage: drivers.imageId,
    name: "compute",
    steps: [
        { upload: "files/health.conf", to: "/opt/node-health/health.conf" },
        { script: "setup.sh", arguments: ["compute"], environment: { BANNER: "Welcome to the lab" } },
    ],
    metadata: { purpose: "example" },
});

/** A boot set for a BOS session template. */
export const bootSet = {
    type: "s3",
    path: compute.manifest,
    etag: compute.manifestEtag,
    arch: compute.architecture.apply((arch) => (arch === "aarch64" ? "ARM" : "X86")),
    kernel_parameters: "ip=dhcp quiet",
    rootfs_provider: "sbps",
    rootfs_provider_passthrough: "sbps:v1:iqn.2023-06.csm.iscsi:_sbps-hsn._tcp.system.example.com:300",
    node_roles_groups: ["Compute"],
};

/** What the manifest lists, by its kind: `kernel`, `initrd`, `rootfs.squashfs`. */
export const artifacts = compute.artifacts.apply((list) =>
    Object.fromEntries(
        list.map(({ type, path, etag }) => [type.replace("application/vnd.cray.image.", ""), { path, etag }]),
    ),
);

import type * as pulumi from "@pulumi/pulumi";

/**
 * Boots the image in QEMU before it is published, in the update only: a preview says that it will. Run once for an
 * image and a test. The image stays as it is, and the machine has no network.
 */
export interface DiskImageBootTest {
    /**
     * What the serial line must show, one after the other: texts, or expressions between slashes (`"/login: $/m"`). The
     * system must write to it: `console=ttyS0` on the kernel's command line, `terminal_output serial` in GRUB.
     */
    until: pulumi.Input<string | pulumi.Input<string>[]>;
    /** What it must not show, beside what ends every boot (kernel panic, refused signature, rescue shells). */
    failOn?: pulumi.Input<pulumi.Input<string>[]>;
    /** For all of it. Default 300; without KVM a boot takes about ten times as long. */
    timeoutSeconds?: pulumi.Input<number>;
    /** Default `"uefi"`. */
    firmware?: pulumi.Input<"uefi" | "bios">;
    /** Secure Boot is on, and the firmware trusts these certificates alone: PEM texts, or files (PEM or DER). */
    secureBoot?: pulumi.Input<{ certificates: pulumi.Input<pulumi.Input<string>[]> }>;
    /** Default 2048. */
    memoryMb?: pulumi.Input<number>;
    /** Default 2. */
    cores?: pulumi.Input<number>;
    /** The controller that the disk hangs on. Default `"virtio"`. */
    disk?: pulumi.Input<"virtio" | "sata" | "nvme">;
    /** `"auto"` (the default): KVM where it works, else translation (`"tcg"`), which works everywhere. */
    accel?: pulumi.Input<"auto" | "kvm" | "tcg">;
}

/** What a boot test has shown. */
export interface DiskImageBootResult {
    /** Of the image and the test. */
    key: string;
    /** Id `boot.reached`: which text came after how long, on which firmware. */
    check: { id: string; verdict: "passed"; seen: string; message: string };
}

import type * as pulumi from "@pulumi/pulumi";

/** What an edge host is told at its first boot: becomes the `config.yaml` of the installer ISO. */
export interface UserData {
    /** The Palette agent. */
    stylus?: pulumi.Input<UserDataStylus>;
    /** The installation to disk. */
    install?: pulumi.Input<UserDataInstall>;
    /** Kairos stages: `{ initramfs: [{ name: "…", commands: ["…"] }] }`. */
    stages?: pulumi.Input<Record<string, pulumi.Input<pulumi.Input<Record<string, unknown>>[]>>>;
}

/** Settings of the Palette agent; those not named here are taken as they are. */
export interface UserDataStylus {
    /** Who manages the host: Palette, or the host's own interface. Default: `central`. */
    managementMode?: pulumi.Input<"central" | "local">;
    /** Tell more in the log. Default: false. */
    debug?: pulumi.Input<boolean>;
    /** Where the host belongs. Central management needs it. */
    site?: pulumi.Input<UserDataSite>;
    [more: string]: unknown;
}

/** Where a host belongs; keys not named here are taken as they are. */
export interface UserDataSite {
    /** Host name of Palette, without a scheme: `api.spectrocloud.com`. Central management needs it. */
    paletteEndpoint?: pulumi.Input<string>;
    /** Registration token: a secret. Central management needs it, or `registrationURL`. */
    edgeHostToken?: pulumi.Input<string>;
    /** Project of the host, unless the token has one. */
    projectName?: pulumi.Input<string>;
    /** The same by its id. */
    projectUid?: pulumi.Input<string>;
    /**
     * Id of the host in Palette: at most 128 characters, and none of `/ ? # & + % , $ ~ ! @ * ( ) { } | = ; : < > ' . ^ "`.
     * Default: made of the hardware's UUID. The same name on two hosts registers one of them twice.
     */
    name?: pulumi.Input<string>;
    /** Beginning of ids that are made: letters, digits and `-`. Default: `edge`. */
    prefix?: pulumi.Input<string>;
    /** Name of the Kubernetes node. Default: `name`. */
    hostName?: pulumi.Input<string>;
    /** Pair only hosts that are registered already. Default: false. */
    disableAutoRegister?: pulumi.Input<boolean>;
    /** Labels of the host. */
    tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Page that the QR code of an unregistered host leads to. */
    registrationURL?: pulumi.Input<string>;
    /** Files that the host's id is read from. Default: `/sys/class/dmi/id/product_uuid`. */
    deviceUIDPaths?: pulumi.Input<pulumi.Input<UserDataDevicePath>[]>;
    /** Do not verify Palette's certificate. Default: false. */
    insecureSkipVerify?: pulumi.Input<boolean>;
    /** CA certificates to trust, in PEM form. */
    caCerts?: pulumi.Input<pulumi.Input<string>[]>;
    /** Proxy, name server and addresses. */
    network?: pulumi.Input<UserDataNetwork>;
    [more: string]: unknown;
}

/** A file that holds a host's id. */
export interface UserDataDevicePath {
    /** Absolute path of the file. */
    name: pulumi.Input<string>;
    /** Part of its content that counts. */
    regex?: pulumi.Input<string>;
}

/** Network of a host. */
export interface UserDataNetwork {
    /** URL of the proxy. */
    httpProxy?: pulumi.Input<string>;
    /** URL of the proxy for HTTPS. */
    httpsProxy?: pulumi.Input<string>;
    /** Hosts to reach without it, comma-separated. */
    noProxy?: pulumi.Input<string>;
    /** Address of the name server. */
    nameserver?: pulumi.Input<string>;
    /** By the interface's name, such as `eno1`. */
    interfaces?: pulumi.Input<Record<string, pulumi.Input<UserDataInterface>>>;
}

/** Addresses of one interface. */
export interface UserDataInterface {
    /** `static` needs `ipAddress` and `gateway`. */
    type: pulumi.Input<"static" | "dhcp">;
    /** With its prefix length: `10.0.10.25/24`. */
    ipAddress?: pulumi.Input<string>;
    /** Address of the gateway. */
    gateway?: pulumi.Input<string>;
    /** Address of the name server. */
    nameserver?: pulumi.Input<string>;
}

/** How the system is installed; keys not named here are taken as they are. */
export interface UserDataInstall {
    /** Disk to install to: `/dev/sda`, or `auto`. */
    device?: pulumi.Input<string>;
    /** Folders that outlive an upgrade of the system, by their absolute paths. */
    bind_mounts?: pulumi.Input<pulumi.Input<string>[]>;
    /** Additions to the boot loader's configuration. */
    grub_options?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Switch off after the installation. Not together with `reboot`. */
    poweroff?: pulumi.Input<boolean>;
    /** Boot from the disk after the installation. */
    reboot?: pulumi.Input<boolean>;
    [more: string]: unknown;
}

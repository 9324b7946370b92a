import * as pulumi from "@pulumi/pulumi";
import { components, emf, image } from "pulumi-edge-os";
import { buildQuickstartImage } from "./image";

const images = new pulumi.Config().requireObject<{ directory: string; baseUrl: string }>("images");

export = async () => {
    const disk = new image.DiskImage("ubuntu-edge", {
        source: await buildQuickstartImage(),
        publish: { ...images, onDelete: "remove" }, // destroy leaves nothing behind
    });

    const profile = new emf.OsProfile("ubuntu-edge", {
        name: "ubuntu-edge-quickstart",
        image: disk, // url, sha256 and the server's certificate come from here
        type: "MUTABLE",
        profileName: "ubuntu-edge",
        imageId: "1.0.0",
        architecture: "x86_64",
        securityFeature: "NONE",
        metadata: { purpose: "quickstart" },
    });

    const region = new emf.Region("north", { name: "north" });
    const site = new emf.Site("store-1", { name: "store-1", regionId: region.resourceId });

    const stores = new components.HostFleet("stores", {
        csv: "hosts.csv",
        osProfile: profile,
        site,
        waves: [{ count: 1 }, { rest: true }],
        pending: "wait", // the lab's machines switch themselves on
    });

    return { image: disk.url, profile: profile.resourceId, hosts: stores.summary };
};

import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { palette } from "pulumi-edge-os";

// Another release is another version of the profile, to which the cluster moves before the old one goes.
const release = "1.0.0";

// What the nodes run: the outputs of a canvos.ApplianceImage. They come from the stack that builds it, as
// examples/edge-appliance does, once "pulumi config set applianceStack organization/<project>/<stack>" names it (under
// the Pulumi CLI: the embedded engine reads no other stacks). Without one it is a name alone; the lab pulls no image.
const applianceStack = new pulumi.Config().get("applianceStack");
const appliance: palette.ProviderImage =
    applianceStack === undefined
        ? {
              systemUri: `registry.example.com/edge/ubuntu:kubeadm-1.34.2-v4.8.10-${release}`,
              kubernetesVersions: ["1.34.2"],
          }
        : builtBy(applianceStack);

const profile = new palette.ClusterProfile("edge", {
    name: "edge-site",
    version: release,
    packs: [
        palette.edgeNativeByoi({ image: appliance }),
        { name: "edge-k8s", tag: "1.34.2" },
        { name: "cni-cilium-oss", tag: "1.18.4" },
        { name: "csi-longhorn", tag: "1.10.1" },
        // In no registry: a pack of a manifest alone, installed before the other add-ons.
        {
            name: "nodeprep-controller",
            type: "manifest",
            values: { pack: { "spectrocloud.com/install-priority": "0" } },
            manifests: [
                {
                    name: "nodeprep-controller",
                    content: fs.readFileSync("nodeprep-controller.yaml", "utf8"),
                },
            ],
        },
        { name: "network-operator", tag: "25.10.0", registry: "Palette Community Registry" },
    ],
});

// What machines show when they first report: a new value two weeks before it expires.
const token = new palette.RegistrationToken("site", {
    name: "edge-site",
    description: "machines of the example",
    defaultProject: "Default",
    validFor: "90d",
    rotateBefore: "14d",
});

const hosts = [1, 2, 3].map((number) => {
    const uid = `edge-site1-${number}`;
    return new palette.EdgeHost(uid, { uid, labels: { site: "site1", rack: String(number) } });
});

// One installer for all machines, and for each a small ISO that says which host it is.
for (const [i, host] of hosts.entries()) {
    const userData = palette.userDataFor(host, token, {
        stylus: { site: { hostName: `site1-${i + 1}` } },
        install: { device: "auto", poweroff: true },
    });
    new palette.SiteIso(`site1-${i + 1}`, { file: `out/site1-${i + 1}.iso`, userData });
}

// Goes on when all machines have paired. In the lab they are switched on by themselves.
const paired = new palette.HostGate("paired", { hosts: hosts.map((host) => host.uid), pending: "wait" });

const [first, ...others] = hosts;
const cluster = new palette.EdgeCluster(
    "site1",
    {
        name: "edge-site1",
        profiles: [profile],
        controlPlane: { hosts: first ? [first] : [], alsoWorker: true },
        workers: [{ name: "workers", hosts: others }],
        controlPlaneEndpoint: { type: "VIP", host: "10.17.0.10" },
    },
    { dependsOn: paired },
);
const running = new palette.ClusterGate("site1-running", { clusters: [cluster] });

export const clusterUid = cluster.uid;
export const controlPlane = cluster.endpointHost;
export const waitedFor = running.until;

/** Another image under the same release is refused in the preview: it needs another version of the profile. */
function builtBy(stack: string): palette.ProviderImage {
    const built = new pulumi.StackReference(stack);
    return {
        systemUri: built.requireOutput("systemUri") as pulumi.Output<string>,
        kubernetesVersions: built.requireOutput("kubernetesVersions") as pulumi.Output<string[]>,
    };
}

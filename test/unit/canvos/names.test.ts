import { expect } from "chai";
import * as yaml from "yaml";
import { buildArguments } from "../../../provider/canvos/arguments.schema";
import { distinctTag, imageNames, withoutPlatform, withPlatform } from "../../../provider/canvos/imageNames";
import { profileValues } from "../../../provider/canvos/profileValues";

const PARTS = {
    registry: "ttl.sh",
    repo: "ubuntu",
    k8sDistribution: "kubeadm",
    k8sVersions: ["1.34.2"],
    peVersion: "v4.8.10",
    customTag: "demo",
    isoName: "palette-edge-installer",
};

describe("canvos: names of images", () => {
    it("are those of the build", () => {
        expect(imageNames(PARTS)).to.deep.equal({
            imageTag: "v4.8.10-demo",
            providers: { "1.34.2": "ttl.sh/ubuntu:kubeadm-1.34.2-v4.8.10-demo" },
            installer: "palette-installer-image:v4.8.10-demo",
            isoDisk: "ttl.sh/ubuntu/palette-edge-installer:v4.8.10-demo",
        });
    });

    it("have no dash at their end without a custom tag", () => {
        const names = imageNames({ ...PARTS, customTag: "", k8sVersions: ["1.33.1", "1.34.2"] });
        expect(names.imageTag).to.equal("v4.8.10");
        expect(names.installer).to.equal("palette-installer-image:v4.8.10");
        expect(Object.values(names.providers)).to.deep.equal([
            "ttl.sh/ubuntu:kubeadm-1.33.1-v4.8.10",
            "ttl.sh/ubuntu:kubeadm-1.34.2-v4.8.10",
        ]);
    });

    it("lose the platform that Earthly appends, and nothing else", () => {
        const reference = "ttl.sh/ubuntu_linux_amd64:kubeadm-1.34.2-v4.8.10-demo";
        expect(withPlatform(reference, "amd64")).to.equal(`${reference}_linux_amd64`);
        expect(withoutPlatform(withPlatform(reference, "arm64"))).to.equal(reference);
        expect(withoutPlatform(reference)).to.equal(reference);
    });

    it("are refused when no registry would take the tag", () => {
        expect(() => imageNames({ ...PARTS, customTag: "a".repeat(128) })).to.throw(/at most 128/);
        expect(() => imageNames({ ...PARTS, peVersion: "" })).to.throw(/beginning with a letter or digit/);
    });

    it("end in digits of the inputs' digest, within what CanvOS allows", () => {
        const customTag = distinctTag("demo", "0123ABCDEF".padEnd(64, "0"));
        expect(customTag).to.equal("demo0123abcd");
        expect(buildArguments.shape.customTag.safeParse(customTag).success).to.equal(true);
    });
});

describe("canvos: profile values", () => {
    const parts = { ...PARTS, osName: "ubuntu", osVersion: "24.04" };

    /** What Palette makes of the macros. */
    function resolve(values: string, kubernetes: string): unknown {
        const read = yaml.parse(values) as { options: Record<string, string> };
        return read.options["system.uri"]?.replace(/\{\{ (\S+) \}\}/g, (_macro, name: string) =>
            name === ".spectro.system.kubernetes.version"
                ? kubernetes
                : (read.options[name.replace(".spectro.pack.edge-native-byoi.options.", "")] ?? "?"),
        );
    }

    it("name the image, literally where it is one", () => {
        const systemUri = "ttl.sh/ubuntu:kubeadm-1.34.2-v4.8.10-demo";
        expect(yaml.parse(profileValues({ ...parts, systemUri }))).to.deep.equal({
            pack: {
                content: { images: [{ image: "{{.spectro.pack.edge-native-byoi.options.system.uri}}" }] },
            },
            options: {
                "system.uri": systemUri,
                "system.registry": "ttl.sh",
                "system.repo": "ubuntu",
                "system.k8sDistribution": "kubeadm",
                "system.osName": "ubuntu",
                "system.peVersion": "v4.8.10",
                "system.customTag": "demo",
                "system.osVersion": "24.04",
            },
        });
    });

    it("make the same name of their parts, with and without a custom tag", () => {
        for (const customTag of ["demo", "", "00012345"]) {
            const built = imageNames({ ...PARTS, customTag }).providers["1.34.2"];
            expect(resolve(profileValues({ ...parts, customTag }), "1.34.2")).to.equal(built);
        }
    });
});

import { expect } from "chai";
import * as fc from "fast-check";
import * as yaml from "yaml";
import { profileValues } from "../../../provider/canvos/profileValues";
import { edgeNativeByoi } from "../../../provider/palette/edgeNativeByoi";
import {
    optionsIn,
    variablesIn,
    withOverrides,
    yamlFault,
    yamlText,
} from "../../../provider/palette/packValues";
import {
    kubernetesPackOf,
    missingOptions,
    osPackOf,
    systemUriFault,
    systemUriOf,
} from "../../../provider/palette/systemUri";

const TEXT = `# The pack's own.
pack:
  namespace: longhorn-system # where
  drain: {{ .spectro.var.drain }}
charts:
  longhorn:
    b: 1
    a: "{{.spectro.pack.csi-longhorn.x}}"
`;

describe("the values of a pack", () => {
    it("take overrides, and keep order, comments and macros, also those that are no YAML", () => {
        const changed = withOverrides(
            TEXT,
            "charts: { longhorn: { b: 2, c: [1, 2] } }\npack: { namespace: store }",
        );
        expect(changed).to.equal(
            TEXT.replace("longhorn-system", "store")
                .replace("b: 1", "b: 2")
                .replace('csi-longhorn.x}}"\n', 'csi-longhorn.x}}"\n    c:\n      - 1\n      - 2\n'),
        );
        expect(withOverrides("", "a: 1")).to.equal("a: 1\n");
    });

    it("are what they were but for the overrides", () => {
        const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean());
        const values = fc.dictionary(
            fc.stringMatching(/^[a-z.]{1,6}$/),
            fc.oneof(leaf, fc.dictionary(fc.stringMatching(/^[a-z.]{1,6}$/), leaf)),
        );
        fc.assert(
            fc.property(values, values, (before, overrides) => {
                fc.pre(!JSON.stringify([before, overrides]).includes("_macro"));
                const after = yaml.parse(withOverrides(yamlText(before), yamlText(overrides))) as object;
                const merged: Record<string, unknown> = { ...before };
                for (const [key, value] of Object.entries(overrides)) {
                    const former = merged[key];
                    const areMaps = typeof former === "object" && typeof value === "object";
                    merged[key] = areMaps ? { ...former, ...value } : value;
                }
                expect(after).to.deep.equal(merged);
            }),
            { numRuns: 200 },
        );
    });

    it("made of an object keep its order", () => {
        expect(yamlText({ z: 1, a: { y: "24.04", x: true } })).to.equal(
            'z: 1\na:\n  y: "24.04"\n  x: true\n',
        );
        expect(yamlText("as: it is # is")).to.equal("as: it is # is");
    });

    it("are told where they are no YAML", () => {
        expect(yamlFault(TEXT)).to.equal(undefined);
        expect(yamlFault("a: 1\nb: [2")).to.match(/line 2/);
        expect(yamlFault("a: 1\na: 2")).to.include("unique");
    });

    it("name the variables they use", () => {
        const text = `${TEXT}\nx: "{{ .spectro.var.site-name | lower }}{{.spectro.var.drain}}"`;
        expect(variablesIn(text)).to.deep.equal(["drain", "site-name"]);
    });
});

describe("the image that nodes run", () => {
    const OPTION = ".spectro.pack.edge-native-byoi.options.system";
    const PARTS = [
        "options:",
        `  system.uri: "{{ ${OPTION}.registry }}/{{ ${OPTION}.repo }}:{{ ${OPTION}.k8sDistribution }}-{{ .spectro.system.kubernetes.version }}-{{ ${OPTION}.peVersion }}"`,
        "  system.registry: ttl.sh",
        "  system.repo: ubuntu",
        "  system.k8sDistribution: kubeadm",
        "  system.peVersion: 24.10",
        "",
    ].join("\n");
    const k8s = { name: "edge-k8s", tag: "1.34.2" };

    it("is what its parts make, as text: 24.10 is no number", () => {
        expect(optionsIn(PARTS)["system.peVersion"]).to.equal("24.10");
        const packs = [{ name: "edge-native-byoi", values: PARTS }, k8s];
        expect(systemUriOf(packs)).to.equal("ttl.sh/ubuntu:kubeadm-1.34.2-24.10");
    });

    it("is not known without the Kubernetes pack, with variables, or without an OS pack", () => {
        expect(systemUriOf([{ name: "edge-native-byoi", values: PARTS }])).to.equal(undefined);
        expect(systemUriOf([k8s])).to.equal(undefined);
        const values = 'options: { system.uri: "r/ubuntu:{{.spectro.var.tag}}" }';
        expect(systemUriOf([{ name: "edge-native-byoi", values }])).to.equal(undefined);
        const circle = `options: { system.uri: "{{ ${OPTION}.uri }}" }`;
        expect(systemUriOf([{ name: "edge-native-byoi", values: circle }])).to.equal(undefined);
    });

    it("lacks options that nobody gives", () => {
        const packs = [{ name: "edge-native-byoi", values: PARTS.replace("  system.repo: ubuntu\n", "") }];
        expect(missingOptions(packs)).to.deep.equal(["system.repo"]);
    });

    it("is that of what CanvOS prints", () => {
        const parts = {
            ...{ registry: "r.example.com", repo: "ubuntu", k8sDistribution: "kubeadm", osName: "ubuntu" },
            ...{ osVersion: "24.04", peVersion: "v4.8.10", customTag: "demo" },
        };
        const packs = [{ name: "edge-native-byoi", values: profileValues(parts) }, k8s];
        expect(systemUriOf(packs)).to.equal("r.example.com/ubuntu:kubeadm-1.34.2-v4.8.10-demo");
    });

    for (const [uri, version, fault] of [
        ["r/ubuntu:kubeadm-1.34.2-v4.8.10-demo", "1.34.2", undefined],
        ["r:5000/ubuntu:kubeadm-1.34.2-v4.8.10", "1.34.2", undefined],
        ["r/ubuntu:kubeadm-fips-1.33.6-v4.8.10", "1.34.2", "an image with Kubernetes 1.33.6"],
        ["r/ubuntu:k3s-1.33.6-v4.8.10", "1.34.2", "but the Kubernetes pack is 1.34.2"],
        ["r/ubuntu:anything", "1.34.2", undefined],
        ["r/ubuntu:k3s-1.33.6-v4.8.10", undefined, undefined],
        ["r/ubuntu:kubeadm-1.34.2-v4.8.10-", "1.34.2", "ends in a dash"],
        ["r/ubuntu:kubeadm-1.34.2-v4.8.10_linux_amd64", "1.34.2", "the platform that Earthly appends"],
        ["r:5000/ubuntu", "1.34.2", "has no tag"],
        ["r/ubuntu@sha256:0123", "1.34.2", undefined],
    ] as const) {
        it(`${uri} with ${version ?? "no"} Kubernetes pack ${fault ?? "is right"}`, () => {
            const found = systemUriFault(uri, version);
            if (fault === undefined) expect(found).to.equal(undefined);
            else expect(found).to.include(fault);
        });
    }

    it("is found in packs with a prefix", () => {
        const packs = [
            { name: "x--edge-native-byoi" },
            { name: "x--edge-k8s" },
            { name: "edge-k8s-operator" },
        ];
        expect(osPackOf(packs)).to.equal(packs[0]);
        expect(kubernetesPackOf(packs)).to.equal(packs[1]);
    });

    it("comes from an appliance's image as it is", async () => {
        const image = { systemUri: "r/ubuntu:kubeadm-1.34.2-v4.8.10-demo", kubernetesVersions: ["1.34.2"] };
        const { values, ...pack } = edgeNativeByoi({ image, contentImages: ["r/more:1"], registry: "R" });
        const text = await textOf(values);
        expect(pack).to.deep.equal({
            ...{ name: "edge-native-byoi", tag: "2.1.0", registry: "R" },
            kubernetesVersions: ["1.34.2"],
        });
        expect(yamlFault(text)).to.equal(undefined);
        expect(systemUriOf([{ name: "edge-native-byoi", values: text }])).to.equal(image.systemUri);
        expect(text).to.include('      - image: "r/more:1"');
    });

    it("is the one of several images that has the profile's Kubernetes", async () => {
        const image = { systemUri: "", references: { "1.33.5": "r/ubuntu:a", "1.34.2": "r/ubuntu:b" } };
        const { values, kubernetesVersions } = edgeNativeByoi({ image, kubernetesVersion: "1.34.2" });
        expect(systemUriOf([{ name: "edge-native-byoi", values: await textOf(values) }])).to.equal(
            "r/ubuntu:b",
        );
        expect(kubernetesVersions).to.deep.equal(["1.34.2"]);
        for (const [version, expected] of [
            [undefined, "there is an image for each of Kubernetes 1.33.5, 1.34.2: give kubernetesVersion"],
            ["1.32.1", "there is no image with Kubernetes 1.32.1: there are 1.33.5, 1.34.2"],
        ] as const) {
            const wrong = edgeNativeByoi({
                image,
                ...(version === undefined ? {} : { kubernetesVersion: version }),
            });
            const error = await textOf(wrong.values).catch((reason: unknown) => reason);
            expect(String(error)).to.include(expected);
        }
    });
});

function textOf(values: unknown): Promise<string> {
    return (values as { promise(): Promise<string> }).promise();
}

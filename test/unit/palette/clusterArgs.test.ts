import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import {
    ClusterGate,
    ClusterProfile,
    EdgeCluster,
    EdgeHost,
    type ClusterGateArgs,
    type ClusterProfileArgs,
    type EdgeClusterArgs,
} from "../../../provider/palette";
import { clusterGate } from "../../../provider/palette/clusterGate.handler";
import { clusterProfile } from "../../../provider/palette/clusterProfile.handler";
import { edgeCluster } from "../../../provider/palette/edgeCluster.handler";

type Derived = "endpoint" | "projectUid";
type DerivedOfProfile = Derived | "packUids" | "systemUri" | "kubernetesVersion" | "edited";
/** What a program may give, from the schema, and from the hand-written interface. */
type FromSchema<S extends z.ZodType, D extends string> = Plain<Omit<z.input<S>, D>>;
type FromArgs<A> = Plain<pulumi.Unwrap<A>>;
type Plain<T> = { [K in keyof T]: T[K] };
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the one way to compare types exactly
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** The class makes texts of values, so that their order stays. */
type Texts<T extends { packs: unknown[] }> = Plain<
    Omit<T, "packs"> & { packs: TextPack<T["packs"][number]>[] }
>;
type TextPack<P> = { [K in keyof P]: K extends "values" | "overrides" ? string | undefined : P[K] };

/** Checked by the compiler: a field in one and not in the other, or of another type, does not compile. */
const equal: [
    Equal<
        Texts<FromArgs<ClusterProfileArgs>>,
        Texts<FromSchema<(typeof clusterProfile)["inputs"], DerivedOfProfile>>
    >,
    Equal<FromArgs<EdgeClusterArgs>, FromSchema<(typeof edgeCluster)["inputs"], Derived | "revision">>,
    Equal<FromArgs<ClusterGateArgs>, FromSchema<(typeof clusterGate)["inputs"], Derived>>,
] = [true, true, true];

interface Registered {
    inputs: Record<string, unknown>;
}

describe("the public arguments of Palette's profiles and clusters", () => {
    const registered: Registered[] = [];

    before(async () => {
        await pulumi.runtime.setMocks({
            call: () => ({}),
            newResource: ({ name, inputs }) => {
                registered.push({ inputs: inputs as Record<string, unknown> });
                const state = { ...(inputs as object), uid: name === "h" ? "edge-1" : `uid of ${name}` };
                return { id: name, state };
            },
        });
    });

    it("equal the schemas", () => {
        expect(equal).to.not.include(false);
    });

    it("are declared in the classes under the schema's names", () => {
        const classes = [
            {
                definition: clusterProfile,
                resource: new ClusterProfile("x", {
                    name: "x",
                    packs: [{ name: "edge-k8s", tag: "1.34.2" }],
                }),
            },
            {
                definition: edgeCluster,
                resource: new EdgeCluster("x", {
                    name: "x",
                    profiles: [{ uid: "p" }],
                    controlPlane: { hosts: ["edge-1"] },
                }),
            },
            {
                definition: clusterGate,
                resource: new ClusterGate("x", { clusters: [{ label: "x", uid: "c" }] }),
            },
        ];
        for (const { definition, resource } of classes) {
            const names = Object.entries(resource).flatMap(([key, value]) =>
                pulumi.Output.isInstance(value) ? [key] : [],
            );
            const own = names.filter((key) => !["id", "urn", "__provider", "__ctx"].includes(key));
            const { inputs, outputs } = definition;
            const schema = [...Object.keys(inputs.shape), ...Object.keys(outputs.shape)];
            expect(own.sort(), definition.kind).to.deep.equal(schema.sort());
        }
    });

    it("keep the order of values, and the secret of sensitive defaults", async () => {
        registered.length = 0;
        const profile = new ClusterProfile("y", {
            name: "y",
            packs: [{ name: "a", tag: "1.0.0", values: { z: 1, a: { b: pulumi.output("24.04") } } }],
            variables: pulumi.output([{ name: "pin", default: "1234", sensitive: true }]),
        });
        await new Promise((resolve) => profile.urn.apply(resolve));
        const [{ inputs } = { inputs: {} }] = registered;
        expect(inputs.packs).to.deep.equal([{ name: "a", tag: "1.0.0", values: 'z: 1\na:\n  b: "24.04"\n' }]);
        const { secrets } = inputs.__ctx as { secrets?: string[] };
        expect(secrets).to.deep.equal(["variables"]);
    });

    it("take hosts and profiles as resources, as uids, and with more about them", async () => {
        const host = new EdgeHost("h", { uid: "edge-1" });
        const profile = new ClusterProfile("p", { name: "p", packs: [{ name: "edge-k8s", tag: "1.34.2" }] });
        await new Promise((resolve) => pulumi.all([host.urn, profile.urn]).apply(resolve));
        registered.length = 0;
        const cluster = new EdgeCluster("c", {
            name: "store-17",
            profiles: [profile, { uid: "addon", variables: { site: "17" } }],
            controlPlane: { hosts: [host, "edge-2", pulumi.output("edge-3"), { uid: "edge-4", name: "n" }] },
            workers: [{ name: "w", hosts: pulumi.output(["edge-5"]) }],
        });
        await new Promise((resolve) => cluster.urn.apply(resolve));
        const [{ inputs } = { inputs: {} }] = registered;
        expect(inputs.controlPlane).to.deep.equal({
            hosts: [{ uid: "edge-1" }, { uid: "edge-2" }, { uid: "edge-3" }, { uid: "edge-4", name: "n" }],
        });
        expect(inputs.workers).to.deep.equal([{ name: "w", hosts: [{ uid: "edge-5" }] }]);
        expect(inputs.profiles).to.deep.equal([
            { uid: "uid of p" },
            { uid: "addon", variables: { site: "17" } },
        ]);
    });
});

import * as fs from "node:fs";
import * as path from "node:path";
import type { Lab } from "../../lab";
import { newRecord } from "../../lab/palette/rest/call";
import { publicKey } from "../support/sshKeys";

/** One kind's life for the tests that disturb it: two sets of inputs, and what it leaves in EMF. */
export interface Journey {
    kind: string;
    /** Makes what the kind needs around it. */
    prepare(lab: Lab): Promise<{ first: Record<string, unknown>; second: Record<string, unknown> }>;
    /** Collections in which the kind makes objects; empty but for them. */
    watched: readonly string[];
    /** Objects by collection once it is created. */
    made: Readonly<Record<string, number>>;
    /** The second inputs need a new object: it is made, then the old one is deleted. */
    replaces?: boolean;
}

export const journeys: readonly Journey[] = [
    {
        kind: "emf.Region",
        prepare: async () => ({
            first: { name: "north", metadata: { zone: "a" } },
            second: { name: "north-2", metadata: { tier: "b" } },
        }),
        watched: ["regions"],
        made: { regions: 1 },
    },
    {
        kind: "emf.Site",
        async prepare(lab) {
            const { resourceId } = await lab.emf.create("regions", { name: "north" });
            return {
                first: { name: "store-1", regionId: resourceId, metadata: { zone: "a" } },
                second: { name: "store-2", regionId: resourceId, metadata: { tier: "b" } },
            };
        },
        watched: ["sites"],
        made: { sites: 1 },
    },
    {
        kind: "emf.OsProfile",
        async prepare(lab) {
            fs.writeFileSync(path.join(lab.images.directory, "ubuntu-edge.img"), "an image");
            const profile = {
                name: "ubuntu-edge-24.04",
                imageUrl: `${lab.images.baseUrl}/ubuntu-edge.img`,
                imageFormat: "raw",
                sha256: "a".repeat(64),
                type: "MUTABLE",
                securityFeature: "NONE",
                onContentChange: "replace-when-unused",
            };
            return {
                first: { ...profile, metadata: { purpose: "till" } },
                // New content under the name: deleted and made anew inside the update.
                second: { ...profile, sha256: "b".repeat(64), metadata: { purpose: "gateway" } },
            };
        },
        watched: ["compute/os"],
        made: { "compute/os": 1 },
    },
    {
        kind: "emf.EdgeHost",
        async prepare(lab) {
            const region = await lab.emf.create("regions", { name: "north" });
            const sites = [];
            for (const name of ["store-1", "store-2"]) {
                sites.push(await lab.emf.create("sites", { name, regionId: region.resourceId }));
            }
            const profile = await lab.emf.create("compute/os", {
                name: "bare",
                sha256: "a".repeat(64),
                osType: "OS_TYPE_MUTABLE",
                // Of another provider than EMF's own, so that no machine is provisioned while the test looks.
                osProvider: "OS_PROVIDER_KIND_LENOVO",
                securityFeature: "SECURITY_FEATURE_NONE",
            });
            const host = {
                serial: "SN0001",
                uuid: "8f0c2e4a-3b1d-4c6e-9a57-1d2e3f405161",
                osProfile: profile.resourceId,
            };
            return {
                first: { ...host, site: sites[0]?.resourceId, metadata: { role: "till" } },
                second: { ...host, site: sites[1]?.resourceId, metadata: { role: "gateway" }, name: "gate" },
            };
        },
        watched: ["compute/hosts", "compute/instances"],
        made: { "compute/hosts": 1, "compute/instances": 1 },
    },
    {
        kind: "emf.LocalAccount",
        prepare: async () => ({
            first: { username: "ops", sshKey: publicKey("ssh-ed25519") },
            second: { username: "ops-2", sshKey: publicKey("ecdsa-sha2-nistp521") },
        }),
        watched: ["localAccounts"],
        made: { localAccounts: 1 },
        replaces: true,
    },
    {
        kind: "emf.CustomConfig",
        prepare: async () => ({
            first: { name: "ntp", config: "#cloud-config\nntp: { servers: [a.example.com] }\n" },
            second: { name: "ntp", config: "#cloud-config\nntp: { servers: [b.example.com] }\n" },
        }),
        watched: ["customConfigs"],
        made: { customConfigs: 1 },
        replaces: true,
    },
];

const DAY = 24 * 3_600_000;

export const paletteJourneys: readonly Journey[] = [
    {
        kind: "palette.EdgeHost",
        async prepare({ palette }) {
            const host = { uid: "edge-till-4", projectUid: palette.store.projects[0]?.uid };
            return {
                first: { ...host, labels: { role: "till" }, architecture: "arm64", pairingKey: "one" },
                second: {
                    ...{ ...host, labels: { site: "2" }, name: "gate", architecture: "amd64" },
                    ...{ pairingKey: "two", remoteShell: true },
                },
            };
        },
        watched: ["edgeHosts"],
        made: { edgeHosts: 1 },
    },
    {
        kind: "palette.RegistrationToken",
        async prepare(lab) {
            const token = tokenInputs(lab);
            return { first: token, second: { ...token, rotationTrigger: "2" } };
        },
        watched: ["tokens"],
        made: { tokens: 1 },
        replaces: true,
    },
    {
        kind: "palette.ClusterProfile",
        async prepare() {
            const values = 'options: { system.uri: "r.example.com/ubuntu:kubeadm-1.34.2-v4.8.10" }';
            const packs = [
                { name: "edge-native-byoi", tag: "2.1.0", values },
                { name: "edge-k8s", tag: "1.34.2" },
            ];
            const profile = { name: "edge", version: "1.0.0", onContentChange: "overwrite-when-unused" };
            const longhorn = {
                name: "csi-longhorn",
                tag: "1.10.1",
                overrides: 'site: "{{ .spectro.var.site }}"',
            };
            return {
                first: { ...profile, packs, tags: { env: "edge" } },
                second: {
                    ...profile,
                    packs: [...packs, longhorn],
                    variables: [{ name: "site" }],
                    description: "till",
                },
            };
        },
        watched: ["profiles"],
        made: { profiles: 1 },
    },
    {
        kind: "palette.EdgeCluster",
        async prepare({ palette }) {
            const projectUid = pairedHosts(palette);
            const profiles = ["1.0.0", "1.1.0"].map((version) =>
                preparedProfile(palette, version, projectUid),
            );
            const cluster = { name: "store-17", controlPlane: { hosts: [{ uid: "edge-a" }] } };
            return {
                first: { ...cluster, profiles: [{ uid: profiles[0] }], tags: { env: "edge" } },
                second: {
                    ...{ ...cluster, profiles: [{ uid: profiles[1] }], sshKeys: ["ssh-ed25519 AAAA"] },
                    workers: [{ name: "workers", hosts: [{ uid: "edge-b" }] }],
                },
            };
        },
        watched: ["clusters"],
        made: { clusters: 1 },
    },
    {
        kind: "palette.HostGate",
        async prepare({ palette }) {
            pairedHosts(palette);
            return {
                first: { hosts: ["edge-a"], until: "ready" },
                second: { hosts: ["edge-a", "edge-b"], until: "healthy" },
            };
        },
        ...{ watched: [], made: {} },
    },
    {
        kind: "palette.ClusterGate",
        async prepare({ palette }) {
            const { store } = palette;
            const projectUid = store.projects[0]?.uid ?? "";
            const clusters = ["store-17", "store-18"].map((name) => {
                const { uid } = store.clusters.put({
                    ...newRecord(store, { name }, projectUid),
                    ...{ configUid: store.newUid(), state: "Pending", until: store.now(), healthy: false },
                    ...{ config: {}, pools: [], profiles: [] },
                });
                return { label: name, uid };
            });
            return {
                first: { clusters: clusters.slice(0, 1), until: "running" },
                second: { clusters, until: "healthy" },
            };
        },
        ...{ watched: [], made: {} },
    },
];

/** Machines of the first project that have paired. */
function pairedHosts(palette: Lab["palette"]): string {
    const projectUid = palette.store.projects[0]?.uid ?? "";
    palette.store.tokens.put({
        ...newRecord(palette.store, { name: "t" }),
        ...{ token: "t", expiry: "2099-01-01T00:00:00Z", isActive: true },
    });
    for (const name of ["edge-a", "edge-b"]) palette.boot({ token: "t", name, projectUid });
    return projectUid;
}

/** A published profile with nothing in it. */
function preparedProfile({ store }: Lab["palette"], version: string, projectUid: string): string {
    const { uid } = store.profiles.put({
        ...newRecord(store, { name: "edge" }, projectUid),
        ...{ version, type: "cluster", cloudType: "edge-native", published: [], variables: [] },
    });
    return uid;
}

/** As a check leaves them. */
function tokenInputs({ palette }: Lab): Record<string, unknown> {
    const [issuedAt, expiresAt] = [0, 90].map((days) => new Date(Date.now() + days * DAY).toISOString());
    const projectUid = palette.store.projects[0]?.uid;
    return { name: "stores", validFor: "90d", active: true, issuedAt, expiresAt, projectUid };
}

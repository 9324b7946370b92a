import { expect } from "chai";
import { PALETTE_CLAIM_KEY } from "../../../provider/palette/claims";
import type { ClusterRecord } from "../../../provider/palette/clusterApi";
import { standingOfCluster } from "../../../provider/palette/clusterStanding";
import { edgeClusterInputs, type ClusterInputs } from "../../../provider/palette/edgeCluster.schema";
import {
    planCluster,
    type ClusterStep,
    type ObservedCluster,
} from "../../../provider/palette/edgeClusterPlan";

const CLAIM = "0123456789ab-ours";

function inputs(more: object = {}): ClusterInputs {
    return edgeClusterInputs.parse({
        name: "store-17",
        profiles: [{ uid: "infra-1" }],
        controlPlane: { hosts: [{ uid: "edge-a" }] },
        revision: "r",
        ...more,
    });
}

const OBSERVED: ObservedCluster = {
    ...{ name: "store-17", labels: { [PALETTE_CLAIM_KEY]: CLAIM, theirs: "1" }, annotations: {} },
    config: { sshKeys: ["a", "b"], controlPlaneEndpoint: { host: "10.0.0.100", type: "VIP" } },
    pools: [
        {
            ...{ name: "control-plane", isControlPlane: true, hosts: [{ hostUid: "edge-a", hostName: "n" }] },
            request: { updateStrategy: { type: "RollingUpdateScaleOut" }, taints: [{ key: "theirs" }] },
        },
    ],
    profiles: [
        {
            ...{ uid: "infra-1", name: "infra", type: "cluster" },
            variables: [
                { name: "site", value: "17", defaultValue: "0", isSensitive: false },
                { name: "pin", value: "****", isSensitive: true },
            ],
        },
        { uid: "addon-1", name: "addon", type: "add-on", variables: [] },
    ],
};

const BOTH = { profiles: [{ uid: "infra-1" }, { uid: "addon-1" }] };

function words(step: ClusterStep): string {
    switch (step.do) {
        case "addPool":
        case "setPool": {
            const { cloudConfig, poolConfig } = step.pool;
            const hosts = cloudConfig.edgeHosts.map(({ hostUid }) => hostUid);
            expect(poolConfig.size).to.equal(hosts.length);
            return `${step.do} ${poolConfig.name}: ${hosts.join(" ")}`;
        }
        case "removePool":
            return `removePool ${step.name}`;
        case "patchProfiles":
            return step.profiles
                .map(({ uid, replaceWithProfile: old }) => `${old ?? "nothing"} → ${uid}`)
                .join();
        case "removeProfiles":
            return `without ${step.uids.join()}`;
        case "setVariables":
            return step.profiles
                .flatMap(({ uid, variables }) =>
                    variables.map(({ name, value }) => `${uid} ${name}=${value}`),
                )
                .join();
        default:
            return step.do;
    }
}

describe("the plan of an edge cluster", () => {
    const wanted = new Map([
        ["infra-2", { name: "infra", type: "cluster" }],
        ["other-1", { name: "other", type: "infra" }],
        ["addon-2", { name: "addon", type: "add-on" }],
        ["more-1", { name: "more", type: "add-on" }],
    ]);
    const uses = (...uids: string[]): object => ({ profiles: uids.map((uid) => ({ uid })) });
    const workers = (...uids: string[]): object => ({
        workers: [{ name: "workers", hosts: uids.map((uid) => ({ uid })) }],
    });

    const cases: [title: string, desired: object, steps: string[], previous?: object][] = [
        ["of what is there", BOTH, []],
        ["of keys in another order", { ...BOTH, sshKeys: ["b", "a"] }, []],
        ["of other keys", { ...BOTH, sshKeys: ["a"] }, ["configure"]],
        ["without keys of others, which stay", BOTH, [], { ntpServers: undefined }],
        ["without the keys that the last run has set", BOTH, ["configure"], { sshKeys: ["a", "b"] }],
        [
            "without the taints that the last run has set",
            BOTH,
            ["setPool control-plane: edge-a"],
            {
                controlPlane: {
                    hosts: [{ uid: "edge-a" }],
                    taints: [{ key: "theirs", effect: "NoSchedule" }],
                },
            },
        ],
        ["of a tag", { ...BOTH, tags: { env: "edge" } }, ["describe"]],
        ["of a new version", uses("infra-2", "addon-1"), ["infra-1 → infra-2"]],
        ["of two new versions", uses("addon-2", "infra-2"), ["addon-1 → addon-2,infra-1 → infra-2"]],
        ["of another base", uses("other-1", "addon-1"), ["infra-1 → other-1"]],
        ["of one more add-on", uses("infra-1", "addon-1", "more-1"), ["nothing → more-1"]],
        ["without an add-on", uses("infra-1"), ["without addon-1"]],
        ["of another add-on", uses("infra-1", "more-1"), ["nothing → more-1", "without addon-1"]],
        ["of a pool", { ...BOTH, ...workers("edge-b") }, ["addPool workers: edge-b"]],
        [
            "of more hosts",
            { ...BOTH, controlPlane: { hosts: [{ uid: "edge-b" }, { uid: "edge-a" }, { uid: "edge-c" }] } },
            ["setPool control-plane: edge-b edge-a edge-c"],
        ],
        [
            "of another variable",
            { profiles: [{ uid: "infra-1", variables: { site: "18" } }, { uid: "addon-1" }] },
            ["infra-1 site=18"],
        ],
        [
            "of a sensitive variable that the last run has set",
            { profiles: [{ uid: "infra-1", variables: { pin: "1" } }, { uid: "addon-1" }] },
            [],
            { profiles: [{ uid: "infra-1", variables: { pin: "1" } }] },
        ],
        [
            "without a variable, which gets its default again",
            BOTH,
            ["infra-1 site=0"],
            { profiles: [{ uid: "infra-1", variables: { site: "17" } }] },
        ],
    ];
    for (const [title, desired, steps, previous] of cases) {
        it(title, () => {
            const plan = planCluster(OBSERVED, inputs(desired), {
                ...{ claim: CLAIM, wanted },
                ...(previous ? { previous: inputs(previous) } : {}),
            });
            expect(plan.refused).to.equal(undefined);
            expect(plan.steps.map(words)).to.deep.equal(steps);
        });
    }

    it("from nothing is to create it", () => {
        expect(planCluster(undefined, inputs(), { claim: CLAIM, wanted }).steps.map(words)).to.deep.equal([
            "create",
        ]);
    });

    it("keeps taints of others when hosts change", () => {
        const desired = inputs({ ...BOTH, controlPlane: { hosts: [{ uid: "edge-b" }] } });
        const [step] = planCluster(OBSERVED, desired, { claim: CLAIM, wanted }).steps;
        expect(step).to.have.nested.property("pool.poolConfig.taints[0].key", "theirs");
    });

    it("keeps whatever else of a pool others have set when hosts change", () => {
        const theirs = {
            ...{ minSize: 1, nodeRepaveInterval: 60, additionalAnnotations: { a: "b" } },
            updateStrategy: { type: "RollingUpdateScaleIn", maxSurge: "2" },
            machinePoolProperties: { archType: "arm64" },
        } as const;
        const pools = OBSERVED.pools.map((pool) => ({ ...pool, request: { ...pool.request, ...theirs } }));
        const desired = inputs({ ...BOTH, controlPlane: { hosts: [{ uid: "edge-b" }] } });
        const [step] = planCluster({ ...OBSERVED, pools }, desired, { claim: CLAIM, wanted }).steps;
        expect(step)
            .to.have.nested.property("pool.poolConfig")
            .that.deep.includes({ ...theirs, size: 1 });
    });

    it("keeps what Palette and others have set of the hosts that stay, and sends no address that is not given", () => {
        const nic = { nicName: "eno1", ip: "10.0.0.7", dns: ["10.0.0.1"] };
        const theirs = { hostName: "till-a", nic, twoNodeCandidatePriority: "primary" } as const;
        const pools = OBSERVED.pools.map((pool) => ({
            ...pool,
            hosts: pool.hosts.map((host) => ({ ...host, ...theirs, hostAddress: "10.0.0.7" })),
        }));
        const hosts = [{ uid: "edge-a" }, { uid: "edge-b" }];
        const desired = inputs({ ...BOTH, controlPlane: { hosts } });
        const [step] = planCluster({ ...OBSERVED, pools }, desired, { claim: CLAIM, wanted }).steps;
        expect(step)
            .to.have.nested.property("pool.cloudConfig.edgeHosts[0]")
            .that.deep.equals({ hostUid: "edge-a", ...theirs });
        expect(step).to.have.nested.property("pool.cloudConfig.edgeHosts[1].hostName", "");
    });

    it("never moves a host from pool to pool", () => {
        const desired = inputs({
            ...BOTH,
            controlPlane: { hosts: [{ uid: "edge-b" }] },
            ...workers("edge-a"),
        });
        const { steps, refused } = planCluster(OBSERVED, desired, { claim: CLAIM, wanted });
        expect(steps).to.deep.equal([]);
        expect(refused).to.include("take it out of the cluster first");
    });
});

describe("the standing of a cluster", () => {
    const NOW = Date.parse("2026-11-21T12:00:00Z");
    const at = (minutes: number): string => new Date(NOW + minutes * 60_000).toISOString();
    const running = { state: "Running", health: { state: "Healthy" } };
    const cases: [
        title: string,
        status: object | undefined,
        spcApply: object,
        state: string,
        doing: string,
    ][] = [
        ["without a status", undefined, {}, "working", "pending"],
        ["that is provisioned", { state: "Provisioning" }, {}, "working", "provisioning"],
        ["of a state that nobody knows", { state: "Importing" }, {}, "working", "importing"],
        ["that runs without health", { state: "Running" }, {}, "working", "running"],
        ["that is not well", { ...running, health: { state: "UnHealthy" } }, {}, "working", "running"],
        ["that is well", running, {}, "ready", "healthy"],
        ["whose change is held back", running, { canBeApplied: false }, "working", "following a change"],
        ["whose change is just made", running, { lastModifiedTime: at(-1) }, "working", "following a change"],
        ["whose agents tell nothing", running, { lastModifiedTime: at(-6) }, "ready", "healthy"],
        [
            "whose agents are behind",
            running,
            { lastModifiedTime: at(-60), patchAppliedTime: at(-90) },
            "working",
            "following a change",
        ],
        [
            "whose agents are done",
            running,
            { lastModifiedTime: at(-60), patchAppliedTime: at(-59) },
            "ready",
            "healthy",
        ],
        [
            "whose repave nobody has approved",
            { ...running, repave: { state: "Pending" } },
            {},
            "working",
            "waiting for the approval of a repave",
        ],
        ["that is being deleted", { state: "Deleting" }, {}, "failed", "it is deleting"],
        ["that is deleted", { state: "Deleted" }, {}, "failed", "it is deleted"],
    ];
    for (const [title, status, spcApply, state, doing] of cases) {
        it(`${title} is ${state}`, () => {
            const metadata = { uid: "c" };
            const summary = { metadata, ...(status ? { status } : {}) };
            const record: ClusterRecord = { metadata, status: { spcApply } };
            expect(standingOfCluster(summary, record, "healthy", NOW)).to.deep.include({ state, doing });
        });
    }

    it("that is gone is failed; one that only has to run is ready when it does", () => {
        expect(standingOfCluster(undefined, undefined, "healthy", NOW).state).to.equal("failed");
        const summary = { metadata: {}, status: { state: "Running" } };
        expect(standingOfCluster(summary, undefined, "running", NOW).state).to.equal("ready");
    });
});

import { expect } from "chai";
import { EMF_CLAIM_KEY } from "../../../provider/emf/claims";
import {
    hostPatch,
    planHost,
    registrationName,
    type DesiredHost,
    type ObservedHost,
    type ObservedInstance,
    type PlanContext,
} from "../../../provider/emf/edgeHostPlan";

const CLAIM = "0123456789ab-claim";
const NONE = "SECURITY_FEATURE_NONE";
const SECURE = "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION";

function desired(changes: Partial<DesiredHost> = {}): DesiredHost {
    return {
        osProfile: "os-1",
        securityFeature: NONE,
        autoOnboard: true,
        enableVpro: false,
        reimage: "refuse",
        ...changes,
    };
}

function instance(changes: Partial<ObservedInstance> = {}): ObservedInstance {
    return {
        id: "inst-1",
        osProfile: "os-1",
        sha256: "aa",
        securityFeature: NONE,
        localAccount: "",
        customConfigs: [],
        disk: "installed",
        deleting: false,
        ...changes,
    };
}

function host(changes: Partial<ObservedHost> = {}): ObservedHost {
    return {
        id: "host-1",
        name: "host-1",
        site: "",
        metadata: [{ key: EMF_CLAIM_KEY, value: CLAIM }],
        onboardingHeld: false,
        deauthorized: false,
        lvmSizeGb: 0,
        vpro: false,
        hasRun: false,
        ...changes,
    };
}

const context: PlanContext = { claim: CLAIM, previous: desired() };
const FRESH = ["register", "describe", "createInstance"];
const REIMAGE = ["deauthorize", "removeInstance", "removeHost", ...FRESH];

const table: [string, ObservedHost | undefined, DesiredHost, Partial<PlanContext>, string[] | "refused"][] = [
    ["nothing there", undefined, desired(), {}, FRESH],
    ["nothing there, no profile", undefined, desired({ osProfile: undefined }), {}, ["register", "describe"]],
    ["all in place", host({ instance: instance() }), desired(), {}, []],
    ["registered without a claim", host({ metadata: [] }), desired(), {}, ["describe", "createInstance"]],
    ["instance vanished", host(), desired(), {}, ["createInstance"]],
    ["instance vanished from a machine that has run", host({ hasRun: true }), desired(), {}, "refused"],
    [
        "instance vanished from a machine that has run, allowed",
        host({ hasRun: true }),
        desired({ reimage: "allow" }),
        {},
        ["deauthorize", "removeHost", ...FRESH],
    ],
    [
        "instance being deleted on a machine that has run",
        host({ hasRun: true, instance: instance({ deleting: true }) }),
        desired(),
        {},
        "refused",
    ],
    [
        "no profile wanted for a machine that has run",
        host({ hasRun: true }),
        desired({ osProfile: undefined }),
        {},
        [],
    ],
    [
        "instance being deleted",
        host({ instance: instance({ deleting: true }) }),
        desired(),
        {},
        ["removeInstance", "createInstance"],
    ],
    [
        "site changed",
        host({ site: "site-1", instance: instance() }),
        desired({ site: "site-2" }),
        {},
        ["describe"],
    ],
    ["held back", host({ onboardingHeld: true, instance: instance() }), desired(), {}, ["onboard"]],
    [
        "held back on purpose",
        host({ onboardingHeld: true, instance: instance() }),
        desired({ autoOnboard: false }),
        {},
        [],
    ],
    [
        "another profile of the same image",
        host({ instance: instance() }),
        desired({ osProfile: "os-2" }),
        { sha256: "aa" },
        ["relink"],
    ],
    [
        "another profile of the same image, but another security feature",
        host({ instance: instance() }),
        desired({ osProfile: "os-2", securityFeature: SECURE }),
        { sha256: "aa" },
        "refused",
    ],
    [
        "another image on a running host",
        host({ instance: instance() }),
        desired({ osProfile: "os-2" }),
        {},
        "refused",
    ],
    [
        "another image while the disk is written",
        host({ instance: instance({ disk: "writing" }) }),
        desired({ osProfile: "os-2" }),
        { sha256: "bb" },
        "refused",
    ],
    [
        "another image, allowed",
        host({ instance: instance() }),
        desired({ osProfile: "os-2", reimage: "allow" }),
        { sha256: "bb" },
        REIMAGE,
    ],
    [
        "another image after a failed installation",
        host({ instance: instance({ disk: "failed" }) }),
        desired({ osProfile: "os-2" }),
        { sha256: "bb" },
        ["removeInstance", "createInstance"],
    ],
    [
        "another image before any installation",
        host({ instance: instance({ disk: "untouched" }) }),
        desired({ osProfile: "os-2" }),
        { sha256: "bb" },
        ["removeInstance", "createInstance"],
    ],
    [
        "another account on a running host",
        host({ instance: instance() }),
        desired({ localAccount: "localaccount-1" }),
        {},
        "refused",
    ],
    [
        "the same configs in another order",
        host({ instance: instance({ customConfigs: ["b", "a"] }) }),
        desired({ customConfigs: ["a", "b"] }),
        {},
        [],
    ],
    ["a new token", host({ instance: instance() }), desired(), { reinstall: true }, "refused"],
    [
        "a new token, allowed",
        host({ instance: instance() }),
        desired({ reimage: "allow" }),
        { reinstall: true },
        REIMAGE,
    ],
    [
        "another LVM size before any installation",
        host({ instance: instance({ disk: "untouched" }) }),
        desired({ lvmSizeGb: 20 }),
        {},
        ["removeInstance", "removeHost", ...FRESH],
    ],
    [
        "another LVM size on a running host",
        host({ instance: instance() }),
        desired({ lvmSizeGb: 20 }),
        {},
        "refused",
    ],
    ["deauthorized", host({ deauthorized: true }), desired(), {}, "refused"],
    [
        "deauthorized, as a re-image leaves it half-way",
        host({ deauthorized: true, instance: instance() }),
        desired({ osProfile: "os-2", reimage: "allow" }),
        {},
        ["removeInstance", "removeHost", ...FRESH],
    ],
    [
        "profile taken out before any installation",
        host({ instance: instance({ disk: "untouched" }) }),
        desired({ osProfile: undefined }),
        {},
        ["removeInstance"],
    ],
    [
        "profile taken out of a running host",
        host({ instance: instance() }),
        desired({ osProfile: undefined }),
        {},
        "refused",
    ],
    [
        "profile never declared",
        host({ instance: instance() }),
        desired({ osProfile: undefined }),
        { previous: desired({ osProfile: undefined }) },
        [],
    ],
];

describe("plan of an EdgeHost", () => {
    for (const [title, observed, wanted, more, expected] of table) {
        it(`${title}: ${expected === "refused" ? expected : expected.join(", ") || "nothing"}`, () => {
            const plan = planHost(observed, wanted, { ...context, ...more });
            if (expected === "refused") {
                expect(plan.steps).to.deep.equal([]);
                expect(plan.refused).to.be.a("string");
            } else {
                expect(plan.refused).to.equal(undefined);
                expect(plan.steps.map((step) => step.do)).to.deep.equal(expected);
            }
        });
    }

    it("says why the disk would be erased, and how to allow it", () => {
        const { refused } = planHost(host({ instance: instance() }), desired({ osProfile: "os-2" }), context);
        expect(refused).to.include("OS profile os-1 becomes os-2, another image");
        expect(refused).to.include('set reimage: "allow"');
    });
});

describe("PATCH of a host", () => {
    const patch = (observed: ObservedHost, wanted: DesiredHost, previous?: DesiredHost) =>
        hostPatch(observed, wanted, { claim: CLAIM, previous });

    it("names a host without a name by its id, as orch-cli does", () => {
        const made = host({ name: registrationName("0123456789ab"), metadata: [] });
        expect(patch(made, desired())).to.deep.equal({
            name: "host-1",
            metadata: [{ key: EMF_CLAIM_KEY, value: CLAIM }],
        });
    });

    it("leaves alone what the program does not declare", () => {
        const observed = host({
            name: "by hand",
            site: "site-9",
            metadata: [
                { key: "theirs", value: "1" },
                { key: EMF_CLAIM_KEY, value: CLAIM },
            ],
        });
        expect(patch(observed, desired(), desired())).to.equal(undefined);
    });

    it("clears what was taken out of the program", () => {
        const before = desired({ name: "till 4", site: "site-1", metadata: { tier: "gold", line: "4" } });
        const observed = host({
            name: "till 4",
            site: "site-1",
            metadata: [
                { key: "theirs", value: "1" },
                { key: "tier", value: "gold" },
                { key: "line", value: "4" },
                { key: EMF_CLAIM_KEY, value: CLAIM },
            ],
        });
        expect(patch(observed, desired({ metadata: { line: "5" } }), before)).to.deep.equal({
            name: "host-1",
            siteId: "",
            metadata: [
                { key: "theirs", value: "1" },
                { key: "line", value: "5" },
                { key: EMF_CLAIM_KEY, value: CLAIM },
            ],
        });
    });

    it("keeps a registration name within what registration takes", () => {
        expect(registrationName("0123456789ab")).to.match(/^[a-zA-Z\-_0-9./: ]{1,20}$/);
    });
});

import { expect } from "chai";
import type { HostResource } from "../../../provider/emf/api";
import { standingOf, type Phase } from "../../../provider/emf/hostStanding";
import { report, summarize, type Standing } from "../../../provider/gate/standing";

interface Looks {
    desiredState?: string;
    currentState?: string;
    registration?: [text: string, indicator: string];
    onboarding?: [text: string, indicator: string];
    booted?: boolean;
    host?: [text: string, indicator: string];
    instance?: { state?: string; desired?: string; provisioning?: [text: string, indicator: string] } | null;
}

const NOT_YET: [string, string] = ["", "UNSPECIFIED"];

function host(looks: Looks): HostResource {
    const [registrationStatus, registration] = looks.registration ?? NOT_YET;
    const [onboardingStatus, onboarding] = looks.onboarding ?? NOT_YET;
    const [hostStatus, status] = looks.host ?? ["Not Connected", "UNSPECIFIED"];
    const { instance } = looks;
    const [provisioningStatus, provisioning] = instance?.provisioning ?? ["Not Provisioned", "UNSPECIFIED"];
    return {
        resourceId: "host-1",
        desiredState: `HOST_STATE_${looks.desiredState ?? "ONBOARDED"}`,
        currentState: `HOST_STATE_${looks.currentState ?? "UNSPECIFIED"}`,
        registrationStatus,
        registrationStatusIndicator: `STATUS_INDICATION_${registration}`,
        onboardingStatus,
        onboardingStatusIndicator: `STATUS_INDICATION_${onboarding}`,
        onboardingStatusTimestamp: looks.booted ? 1_700_000_000 : 0,
        hostStatus,
        hostStatusIndicator: `STATUS_INDICATION_${status}`,
        instance: instance && {
            resourceId: "inst-1",
            desiredState: `INSTANCE_STATE_${instance.desired ?? "RUNNING"}`,
            currentState: `INSTANCE_STATE_${instance.state ?? "UNSPECIFIED"}`,
            provisioningStatus,
            provisioningStatusIndicator: `STATUS_INDICATION_${provisioning}`,
        },
    } as HostResource;
}

const onboarded = { currentState: "ONBOARDED", booted: true };
const installed = { state: "RUNNING", provisioning: ["Provisioned", "IDLE"] as [string, string] };

const table: [title: string, looks: Looks | undefined, until: Phase, expected: Standing][] = [
    [
        "given an instance by hand although it has its system",
        { ...onboarded, host: ["Running", "IDLE"], instance: {} },
        "running",
        {
            state: "failed",
            doing:
                "the machine has its system already, and EMF will not install inst-1 on it: the host must be " +
                'registered anew, by another reimageToken of its EdgeHost with reimage: "allow"',
        },
    ],
    ["gone", undefined, "running", { state: "failed", doing: "it is not in EMF any more" }],
    [
        "being deleted",
        { desiredState: "DELETED" },
        "running",
        { state: "failed", doing: "it is being deleted" },
    ],
    [
        "deauthorized",
        { desiredState: "UNTRUSTED" },
        "running",
        { state: "failed", doing: "it was deauthorized" },
    ],
    ["only registered", {}, "registered", { state: "ready", doing: "registered" }],
    ["never booted", { instance: {} }, "running", { state: "pending", doing: "never booted" }],
    [
        "held back",
        { desiredState: "REGISTERED", booted: true, instance: {} },
        "running",
        { state: "pending", doing: "held back: autoOnboard is off, and nobody has onboarded it" },
    ],
    [
        "reported another serial number",
        {
            registration: ["Host Registration Failed due to mismatch of Serial Number", "ERROR"],
            instance: {},
        },
        "registered",
        { state: "failed", doing: "Host Registration Failed due to mismatch of Serial Number" },
    ],
    [
        "onboarding",
        { booted: true, onboarding: ["Device initialized", "IN_PROGRESS"], instance: {} },
        "running",
        { state: "working", doing: "onboarding", detail: "Device initialized" },
    ],
    [
        "onboarding failed",
        { booted: true, onboarding: ["Onboarding Failed", "ERROR"], instance: {} },
        "onboarded",
        { state: "failed", doing: "Onboarding Failed" },
    ],
    ["onboarded", onboarded, "onboarded", { state: "ready", doing: "onboarded" }],
    [
        "onboarded without an instance",
        onboarded,
        "provisioned",
        {
            state: "failed",
            doing: "it has no instance, so nothing is installed: give its EdgeHost an osProfile",
        },
    ],
    [
        "about to install",
        { ...onboarded, instance: {} },
        "running",
        { state: "working", doing: "provisioning" },
    ],
    [
        "installing",
        {
            ...onboarded,
            instance: { provisioning: ["Provisioning In Progress: 4/9: Streaming OS image", "IN_PROGRESS"] },
        },
        "running",
        { state: "working", doing: "provisioning", detail: "4/9: streaming OS image" },
    ],
    [
        "installation failed",
        {
            ...onboarded,
            instance: { provisioning: ["Provisioning Failed: 4/9: Streaming OS image failed: x", "ERROR"] },
        },
        "running",
        { state: "failed", doing: "Provisioning Failed: 4/9: Streaming OS image failed: x" },
    ],
    [
        "installed, not yet up",
        { ...onboarded, host: ["Booting", "IN_PROGRESS"], instance: installed },
        "running",
        { state: "working", doing: "starting", detail: "Booting" },
    ],
    [
        "installed is enough for provisioned",
        { ...onboarded, host: ["Booting", "IN_PROGRESS"], instance: installed },
        "provisioned",
        { state: "ready", doing: "provisioned" },
    ],
    [
        "running",
        { ...onboarded, host: ["Running", "IDLE"], instance: installed },
        "running",
        { state: "ready", doing: "running" },
    ],
    [
        "a lost connection may come back",
        { ...onboarded, host: ["No Connection", "ERROR"], instance: installed },
        "running",
        { state: "working", doing: "starting", detail: "No Connection" },
    ],
    [
        "instance being deleted",
        { ...onboarded, instance: { ...installed, desired: "DELETED" } },
        "running",
        { state: "failed", doing: "its instance inst-1 is being deleted" },
    ],
];

describe("standing of a host", () => {
    for (const [title, looks, until, expected] of table) {
        it(`${title}, until ${until}: ${expected.state}`, () => {
            expect(standingOf(looks && host(looks), until)).to.deep.equal(expected);
        });
    }

    const standings = new Map<string, Standing>([
        ["SN1", { state: "ready", doing: "running" }],
        ["SN2", { state: "working", doing: "provisioning", detail: "4/9: streaming OS image" }],
        ["SN3", { state: "pending", doing: "never booted" }],
        ["SN4", { state: "failed", doing: "Onboarding Failed" }],
    ]);

    it("makes one line of many hosts", () => {
        expect(summarize(standings, "running")).to.equal(
            "1/4 running, 1 provisioning 4/9: streaming OS image, 1 pending, 1 failed (SN4: Onboarding Failed)",
        );
    });

    it("names the host that is furthest behind where several do the same", () => {
        const two = new Map(standings).set("SN5", {
            state: "working",
            doing: "provisioning",
            detail: "2/9: x",
        });
        expect(summarize(two, "running")).to.include("2 provisioning (SN5 2/9: x)");
    });

    it("reports every host, the failed ones first", () => {
        expect(report(standings, "running")).to.deep.equal([
            "  SN4: failed: Onboarding Failed",
            "  SN2: provisioning 4/9: streaming OS image",
            "  SN3: pending: never booted",
            "  running: SN1",
        ]);
    });
});

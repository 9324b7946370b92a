import { expect } from "chai";
import type { OsResource } from "../../../provider/emf/api";
import { EMF_CLAIM_KEY } from "../../../provider/emf/claims";
import { createBody, planOsProfile } from "../../../provider/emf/osProfile.plan";
import { osProfileInputs, type OsProfileInputs } from "../../../provider/emf/osProfile.schema";

const SHA = "a".repeat(64);
const CLAIM = "000000000000-0000000000000000";

const desired: OsProfileInputs = osProfileInputs.parse({
    name: "ubuntu-1",
    imageUrl: "https://files.example.com/u.img",
    sha256: SHA.toUpperCase(),
    type: "OS_TYPE_MUTABLE",
    securityFeature: "SECURITY_FEATURE_NONE",
    metadata: 'line: "4"\n',
});

const present: OsResource = {
    resourceId: "os-00000001",
    name: "ubuntu-1",
    architecture: "",
    imageUrl: "https://files.example.com/u.img",
    imageId: "",
    description: "",
    sha256: SHA,
    profileName: "",
    installedPackagesUrl: "",
    securityFeature: "SECURITY_FEATURE_NONE",
    osType: "OS_TYPE_MUTABLE",
    osProvider: "OS_PROVIDER_KIND_INFRA",
    metadata: `{"line":"4","${EMF_CLAIM_KEY}":"${CLAIM}"}`,
    tlsCaCert: "",
    existingCvesUrl: "",
    fixedCvesUrl: "",
    timestamps: { createdAt: "", updatedAt: "" },
};

const recreate = (...differences: string[]): object => ({ do: "recreate", differences });

describe("the plan of an OS profile", () => {
    const table: [
        what: string,
        present: Partial<OsResource> | undefined,
        desired: Partial<OsProfileInputs>,
        before: Partial<OsProfileInputs>,
        steps: object[],
    ][] = [
        ["nothing there", undefined, {}, {}, [{ do: "create" }]],
        ["all as wanted", {}, {}, {}, []],
        ["metadata in another order", { metadata: `{"${EMF_CLAIM_KEY}":"${CLAIM}","line":"4"}` }, {}, {}, []],
        [
            "a wiped claim",
            { metadata: '{"line":"4"}' },
            {},
            {},
            [{ do: "patch", body: { metadata: present.metadata } }],
        ],
        [
            "another architecture",
            {},
            { architecture: "arm64" },
            {},
            [{ do: "patch", body: { architecture: "arm64" } }],
        ],
        ["an architecture never given", { architecture: "x86_64" }, {}, {}, []],
        [
            "an architecture no longer given",
            { architecture: "x86_64" },
            {},
            { architecture: "x86_64" },
            [{ do: "patch", body: { architecture: "" } }],
        ],
        [
            "a certificate beside metadata: two writes, or EMF would drop it",
            { metadata: "" },
            { pinnedCertificate: "YQ==" },
            {},
            [
                { do: "patch", body: { metadata: present.metadata } },
                { do: "certificate", tlsCaCert: "YQ==" },
            ],
        ],
        ["a certificate that is not managed", { tlsCaCert: "YQ==" }, {}, {}, []],
        [
            "a certificate to clear, which EMF cannot",
            { tlsCaCert: "YQ==" },
            { tlsCaCert: "" },
            {},
            [recreate("tlsCaCert: EMF has one and cannot clear it, the program wants none")],
        ],
        [
            "another digest",
            { sha256: "b".repeat(64) },
            {},
            {},
            [recreate(`sha256: EMF has "${"b".repeat(64)}", the program "${SHA}"`)],
        ],
        ["an image id never given", { imageId: "1" }, {}, {}, []],
        [
            "an image id no longer given",
            { imageId: "1" },
            {},
            { imageId: "1" },
            [recreate('imageId: EMF has "1", the program ""')],
        ],
        ["another description: kept", { description: "one" }, { description: "two" }, {}, []],
    ];

    for (const [what, is, wanted, before, steps] of table) {
        it(what, () => {
            const there = is && { ...present, ...is };
            expect(planOsProfile(there, { ...desired, ...wanted }, before, CLAIM)).to.deep.equal(steps);
        });
    }

    it("creates with exactly the API's fields", () => {
        expect(createBody({ ...desired, description: "x" }, CLAIM)).to.deep.equal({
            name: "ubuntu-1",
            imageUrl: "https://files.example.com/u.img",
            sha256: SHA,
            osType: "OS_TYPE_MUTABLE",
            osProvider: "OS_PROVIDER_KIND_INFRA",
            securityFeature: "SECURITY_FEATURE_NONE",
            metadata: present.metadata,
            description: "x",
        });
    });
});

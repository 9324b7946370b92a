import { expect } from "chai";
import { traitProblems } from "../../../provider/emf/osProfile.image";

const UBUNTU = {
    efiSystemPartition: true,
    microvisorLayout: false,
    signedBootPath: true,
    operatingSystem: "ubuntu",
    architecture: "x86_64",
};
const MICROVISOR = { ...UBUNTU, microvisorLayout: true, operatingSystem: "Edge Microvisor Toolkit" };
const MUTABLE = { type: "MUTABLE", securityFeature: "NONE" } as const;
const IMMUTABLE = { type: "IMMUTABLE", securityFeature: "NONE" } as const;
const SECURE = { securityFeature: "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION" } as const;

describe("an OS profile and what was seen in its image", () => {
    for (const [what, traits, promised, refused] of [
        ["Ubuntu, mutable", UBUNTU, MUTABLE, []],
        ["Ubuntu, signed, with Secure Boot", UBUNTU, { ...MUTABLE, ...SECURE }, []],
        ["the Microvisor, immutable", MICROVISOR, IMMUTABLE, []],
        ["nothing known of the image", {}, { ...IMMUTABLE, ...SECURE, architecture: "x86_64" }, []],
        ["nothing known of the profile", { ...UBUNTU, signedBootPath: false }, {}, []],
        ["another distribution, mutable", { ...UBUNTU, operatingSystem: "debian" }, MUTABLE, []],
        ["the same machine under another name", UBUNTU, { ...MUTABLE, architecture: "amd64" }, []],
        ["no EFI system partition", { ...UBUNTU, efiSystemPartition: false }, MUTABLE, ["imageUrl"]],
        ["Ubuntu, immutable", UBUNTU, IMMUTABLE, ["type"]],
        ["the Microvisor, mutable", MICROVISOR, MUTABLE, ["type"]],
        ["the Microvisor in another layout", { ...MICROVISOR, microvisorLayout: false }, IMMUTABLE, ["type"]],
        ["an unreadable root, immutable", { microvisorLayout: false }, IMMUTABLE, ["type"]],
        [
            "unsigned, with Secure Boot",
            { ...UBUNTU, signedBootPath: false },
            { ...MUTABLE, ...SECURE },
            ["securityFeature"],
        ],
        [
            "another architecture",
            { ...UBUNTU, architecture: "aarch64" },
            { ...MUTABLE, architecture: "x86_64" },
            ["architecture"],
        ],
        [
            "everything at once",
            { ...UBUNTU, efiSystemPartition: false, signedBootPath: false },
            { ...IMMUTABLE, ...SECURE, architecture: "aarch64" },
            ["imageUrl", "type", "securityFeature", "architecture"],
        ],
    ] as const) {
        it(`${refused.length === 0 ? "takes" : "refuses"}: ${what}`, () => {
            const problems = traitProblems(traits, promised);
            expect(problems.map(({ path }) => path[0])).to.deep.equal(refused);
            for (const { message } of problems) expect(message).to.match(/^(is|names|wants) /);
        });
    }
});

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { readProfileYaml } from "../../../provider/emf/osProfileYaml";
import { osProfile } from "../../../provider/emf/osProfile.handler";
import { checkFields } from "../../../provider/resource/check";

const DEFAULTS = path.join(__dirname, "../../contract/data/emf/os-profiles");
const SHA = "1e".repeat(32);

/** As the guides have it: four things in it fail in orch-cli, and the type in the API too. */
const GUIDE = `
appVersion: apps/v1
metadata:
  release: 0.0.0-dev
spec:
  name: "ubuntu-custom"
  type: IMMUTABLE
  provider: OS_PROVIDER_KIND_INFRA
  architecture: x86_64
  profileName: ubuntu-custom
  image_url: "https://files.example.com/emt.raw.gz"
  osImageVersion: "24.04"
  osImageSha256: ${SHA}
  securityFeature: SECURITY_FEATURE_NONE
  tlsCert:
  metadata: |
    kernelVersion: linux-image-6.11.0-17-generic
    skip_kernel_upgrade: "true"
`;

describe("OS profile files", () => {
    let folder: string;
    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-profile-"));
    });
    afterEach(() => {
        fs.rmSync(folder, { recursive: true });
    });

    function file(text: string): string {
        const name = path.join(folder, "profile.yaml");
        fs.writeFileSync(name, text);
        return name;
    }

    function checked(name: string): { inputs: Record<string, unknown>; problems: unknown[] } {
        return checkFields(osProfile, readProfileYaml(name));
    }

    for (const name of fs.readdirSync(DEFAULTS).filter((entry) => entry.endsWith(".yaml"))) {
        it(`takes EMF's own ${name}`, () => {
            const { inputs, problems } = checked(path.join(DEFAULTS, name));
            expect(problems).to.deep.equal([]);
            expect(inputs).to.include.keys("name", "imageUrl", "sha256", "imageId", "profileName", "type");
        });
    }

    it("takes the guide's, which orch-cli refuses", () => {
        const { inputs, problems } = checked(file(GUIDE));
        expect(problems).to.deep.equal([]);
        expect(inputs).to.deep.equal({
            name: "ubuntu-custom",
            type: "IMMUTABLE",
            provider: "INFRA",
            architecture: "x86_64",
            profileName: "ubuntu-custom",
            imageUrl: "https://files.example.com/emt.raw.gz",
            imageId: "24.04",
            sha256: SHA,
            securityFeature: "NONE",
            metadata: { kernelversion: "linux-image-6.11.0-17-generic", skipkernelupgrade: "true" },
        });
    });

    for (const [what, text, message] of [
        ["a mistyped key", "spec:\n  nmae: x\n", 'spec has no "nmae"; did you mean name?'],
        [
            "two spellings that differ",
            "spec:\n  tlsCert: a\n  tlsCaCert: b\n",
            "tlsCaCert and tlsCert, which are the same",
        ],
        ["broken YAML", "spec: [", "is not YAML"],
        ["a list", "- a\n", "must be a map with a map spec"],
        ["a text as spec", "spec: x\n", "must be a map with a map spec"],
    ] as const) {
        it(`refuses ${what}`, () => {
            expect(() => readProfileYaml(file(text))).to.throw(message);
        });
    }

    it("refuses a file that is not there, or too large", () => {
        expect(() => readProfileYaml(path.join(folder, "none.yaml"))).to.throw("cannot be read");
        expect(() => readProfileYaml(file(" ".repeat(1024 * 1024 + 1)))).to.throw("larger than 1 MiB");
    });
});

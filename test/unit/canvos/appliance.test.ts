import { expect } from "chai";
import { applianceInputs } from "../../../provider/canvos/applianceImage.schema";

describe("the firmware of an appliance", () => {
    const sha256 = "a".repeat(64);

    function problemsOf(source: string): string[] {
        const given = { bfb: { source, sha256 } };
        const read = applianceInputs.shape.edgeAppliance.safeParse(given);
        return (read.error?.issues ?? []).map(({ path, message }) => `${path.join(".")} ${message}`);
    }

    it("may have the names that its maker gives", () => {
        for (const name of [
            "firmware/bf-bundle-3.2.1-34_25.11_ubuntu-24.04_64k_prod.bfb",
            "https://content.example.com/a%20folder/doca-host_3.2.1-044000-25.10~ubuntu2404_amd64.deb?sign=1",
        ])
            expect(problemsOf(name), name).to.deep.equal([]);
    });

    it("has no name that a shell or a Dockerfile would read as more than a name", () => {
        for (const name of [
            "fw;touch owned.bfb",
            "$(id).bfb",
            "two words.bfb",
            "-x.bfb",
            "https://content.example.com/a%3Bid.bfb",
            "https://content.example.com/",
        ])
            expect(problemsOf(name).join(), name).to.match(/^bfb\.source must end in a file name of letters/);
    });
});

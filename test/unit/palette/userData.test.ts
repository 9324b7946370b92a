import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import * as yaml from "yaml";
import { userDataFor } from "../../../provider/palette";
import { rendered } from "../../../provider/palette/userData";

const HOST = {
    uid: "edge-lab1-01",
    endpoint: "https://api.spectrocloud.com",
    projectUid: "2ab000000000000000000002",
    labels: { site: "lab1", spare: "" },
};

/** The value of an output, and whether it is secret. */
async function valueOf<T>(output: pulumi.Output<T>): Promise<{ value: T; secret: boolean }> {
    const value = await new Promise<T>((resolve, reject) => {
        (output as unknown as { promise(): Promise<T> }).promise().then(resolve, reject);
    });
    return { value, secret: await pulumi.isSecret(output) };
}

describe("the user-data of a Palette host", () => {
    it("names host, project, labels and token, and is secret although the token was not", async () => {
        const { value, secret } = await valueOf(userDataFor(HOST, "t0ken"));
        expect(secret).to.equal(true);
        expect(value.split("\n", 1)).to.deep.equal(["#cloud-config"]);
        expect(yaml.parse(value)).to.deep.equal({
            stylus: {
                site: {
                    ...{ paletteEndpoint: "api.spectrocloud.com", edgeHostToken: "t0ken" },
                    ...{ projectUid: HOST.projectUid, name: HOST.uid },
                    disableAutoRegister: true,
                    tags: HOST.labels,
                },
            },
        });
    });

    it("adds what is given besides, which wins", async () => {
        const token = { token: pulumi.secret("t0ken") };
        const { value } = await valueOf(
            userDataFor({ ...HOST, labels: undefined }, token, {
                stylus: { debug: true, site: { hostName: "lab1-01", disableAutoRegister: false } },
                install: { device: "auto", poweroff: true },
                stages: { initramfs: [{ commands: ["true"] }] },
            }),
        );
        const read = yaml.parse(value) as { stylus: { debug: boolean; site: Record<string, unknown> } };
        expect(read).to.deep.include({
            install: { device: "auto", poweroff: true },
            stages: { initramfs: [{ commands: ["true"] }] },
        });
        expect(read.stylus.debug).to.equal(true);
        expect(read.stylus.site).to.include({
            hostName: "lab1-01",
            disableAutoRegister: false,
            name: HOST.uid,
        });
        expect(read.stylus.site).to.not.have.property("tags");
    });

    it("says what the agent would not accept, and does not show the token", () => {
        let said = "";
        try {
            rendered(HOST, "two words", { install: { poweroff: true, reboot: true } } as never);
        } catch (error) {
            said = (error as Error).message;
        }
        expect(said).to.include("stylus.site.edgeHostToken must have no blanks");
        expect(said).to.include("both poweroff and reboot");
        expect(said).to.not.include("two words");
    });
});

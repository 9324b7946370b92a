import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { utils } from "ssh2";
import { generateSshKeyPair } from "../../../provider/ssh/keyPair";
import { needsTool } from "../../support/tools";

describe("a generated SSH key pair", () => {
    it("is read by ssh2, every time", () => {
        for (let n = 0; n < 500; n++) {
            const { privateKey, publicKey } = generateSshKeyPair("a comment");
            const parsed = utils.parseKey(privateKey);
            if (parsed instanceof Error) throw parsed;
            const [own] = [parsed].flat();
            expect(own?.getPublicSSH().toString("base64")).to.equal(publicKey.split(" ")[1]);
        }
    });

    it("is what ssh-keygen takes it for", function () {
        needsTool(this, "ssh-keygen");
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "key-pair-"));
        const { privateKey, publicKey } = generateSshKeyPair("token-1");
        fs.writeFileSync(path.join(folder, "key"), privateKey, { mode: 0o600 });
        const derived = execFileSync("ssh-keygen", ["-y", "-f", path.join(folder, "key")], {
            encoding: "utf8",
        });
        fs.rmSync(folder, { recursive: true });
        expect(derived.trim()).to.equal(publicKey);
    });
});

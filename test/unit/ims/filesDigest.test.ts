import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { digestSteps } from "../../../provider/ims/steps/files";

describe("the digest of the files of IMS steps", () => {
    it("is made of these bytes: another form would make every image anew", async () => {
        const project = fs.mkdtempSync(path.join(os.tmpdir(), "files-digest-"));
        try {
            fs.mkdirSync(path.join(project, "up"));
            fs.writeFileSync(path.join(project, "up", "b"), "plain", { mode: 0o644 });
            fs.writeFileSync(path.join(project, "up", "a"), "run", { mode: 0o755 });
            fs.symlinkSync("a", path.join(project, "up", "c"));
            const { digest } = await digestSteps([{ upload: "up", to: "/opt/up" }], project);
            const bytes = "d \0f /a\0x\0" + "3\0run" + "f /b\0\0" + "5\0plain" + "l /c\0a\0";
            expect(digest).to.equal(crypto.createHash("sha256").update(bytes).digest("hex"));
        } finally {
            fs.rmSync(project, { recursive: true });
        }
    });
});

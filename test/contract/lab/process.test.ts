import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import type { LabDescription } from "../../../lab";
import { login } from "./client";

const MAIN = path.resolve(__dirname, "../../../lab/main.ts");

interface Outcome {
    code: number | null;
    out: string;
    err: string;
}

describe("the lab's command line", function () {
    this.timeout(90_000);
    let dir: string;
    beforeEach(() => (dir = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-lab-cli-"))));
    afterEach(() => {
        lab("stop");
        fs.rmSync(dir, { recursive: true, force: true });
    });

    function lab(...words: string[]): Outcome {
        const command = ["-r", "ts-node/register/transpile-only", MAIN, ...words, "--dir", dir];
        const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
        return { code: status, out: stdout, err: stderr };
    }
    const description = (): LabDescription =>
        JSON.parse(fs.readFileSync(path.join(dir, "lab.json"), "utf8")) as LabDescription;
    const pid = (): number =>
        (JSON.parse(fs.readFileSync(path.join(dir, "process.json"), "utf8")) as { pid: number }).pid;

    it("starts a lab that lives on its own, once, tells where it is, and stops it", async () => {
        const started = lab("start");
        expect(started.err).to.equal("");
        expect(started.code).to.equal(0);
        expect(started.out).to.contain("The lab has started.").and.to.contain(description().emf.endpoint);
        const again = lab("start", "--auto-boot");
        expect(again.out).to.contain("The lab runs already.").and.to.contain(description().emf.endpoint);

        const { emf } = description();
        const password = fs.readFileSync(path.join(dir, "emf-password"), "utf8").trim();
        expect(fs.statSync(path.join(dir, "emf-password")).mode & 0o777).to.equal(0o600);
        expect(fs.readFileSync(path.join(dir, "lab.json"), "utf8")).to.not.contain(password);
        const ca = fs.readFileSync(emf.caFile, "utf8");
        expect(await login({ ...emf, password, ca })).to.have.property("access_token");

        const running = lab("status");
        expect(running.out).to.contain(emf.endpoint).and.to.contain("auto-boot on");
        expect(lab("stop").out).to.equal("The lab has stopped.\n");
        const failure = await login({ ...emf, password, ca }).then(
            () => undefined,
            (error: unknown) => error,
        );
        expect(failure).to.include({ code: "ECONNREFUSED" });
        expect(lab("stop").out).to.equal("The lab does not run.\n");
        expect(lab("status")).to.include({ code: 3, out: "The lab does not run.\n" });
    });

    it("works on the devices and faults of the running lab", () => {
        lab("start");
        expect(lab("device", "add", "SN00001").code).to.equal(0);
        expect(lab("device", "boot", "SN00001").code).to.equal(0);
        expect(lab("status").out).to.match(/SERIAL .*\nSN00001 .*on \(installer\)/);
        lab("device", "unplug", "SN00001");
        lab("device", "fail", "SN00001", "--at", "onboarding", "--hang");
        expect(lab("status").out).to.match(/\nSN00001 .*unplugged/);
        expect(
            lab("fault", "add", "POST regions", "--do", "reset", "--times", "2", "--after-write").out,
        ).to.equal("1: reset on POST regions; 0 calls matched, 0 hit\n");
        expect(lab("fault", "clear").out).to.equal("No faults.\n");
    });

    it("comes back at the same place after it was killed", () => {
        lab("start");
        lab("device", "add", "SN00001");
        const before = description();
        process.kill(pid(), "SIGKILL");
        expect(lab("start").out).to.contain("The lab has started.");
        expect(description()).to.deep.equal(before);
        expect(lab("status").out).to.contain("SN00001");
    });

    it("starts further systems when they are asked for, and again after a restart", () => {
        lab("start");
        expect(description()).to.not.have.any.keys("ims", "palette");
        const asked = lab("start", "--with", "palette");
        const { palette } = description();
        expect(asked.out).to.contain("The lab runs already.").and.to.contain(palette?.endpoint);
        lab("stop");
        expect(lab("start").out).to.contain(palette?.endpoint);
        expect(description().palette).to.deep.equal(palette);
        expect(fs.statSync(path.join(dir, "palette-api-key")).mode & 0o777).to.equal(0o600);
    });

    for (const [words, expected] of [
        [["start", "--with", "nothing"], /--with takes ims or palette or canvos, not "nothing"/],
        [["frobnicate"], /There is no command "frobnicate"/],
        [["start", "--speed", "fast"], /--speed takes a number, not "fast"/],
        [["device", "boot", "SN00001"], /does not run\. Start it with/],
        [["device", "add"], /device add needs a serial number/],
    ] as const) {
        it(`refuses "${words.join(" ")}" in one message`, () => {
            const { code, err } = lab(...words);
            expect(code).to.equal(1);
            expect(err)
                .to.match(expected)
                .and.not.match(/\n\s+at /);
        });
    }

    it("passes on what the running lab refuses", () => {
        lab("start");
        expect(lab("device", "boot", "SN00009").err).to.equal('The lab has no device "SN00009".\n');
        expect(lab("fault", "add", "POST regions", "--do", "explode").err).to.contain(
            'do: "explode" is not one of',
        );
        expect(lab("device", "add", "X").err).to.contain("5 to 20 letters and digits");
    });
});

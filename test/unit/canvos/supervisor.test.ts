import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { buildFolder, startSupervisor, stateOf, type BuildFolder } from "../../../provider/canvos/supervisor";
import { isSameProcess, type ProcessIdentity } from "../../../provider/process/processIdentity";

describe("the supervisor of a CanvOS build", () => {
    const env = { PATH: process.env.PATH ?? "" };
    let folder: BuildFolder;

    beforeEach(() => {
        folder = buildFolder(fs.mkdtempSync(path.join(os.tmpdir(), "canvos-supervisor-")));
        fs.mkdirSync(folder.tree);
        script("echo built $1 $2 >../said; cat >>../said");
    });
    afterEach(() => {
        fs.rmSync(folder.path, { recursive: true });
    });

    function script(text: string): void {
        fs.writeFileSync(path.join(folder.tree, "earthly.sh"), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }

    function inFolder(name: string): string {
        return path.join(folder.path, name);
    }

    async function ended(supervisor: ProcessIdentity): Promise<void> {
        while (isSameProcess(supervisor)) await new Promise((resolve) => setTimeout(resolve, 5));
    }

    it("builds once it is noted down, and is asked for nothing", async () => {
        const noted: unknown[] = [];
        const job = { targets: ["iso"], args: ["--ARCH=amd64"], env };
        const supervisor = startSupervisor(folder, job, (one) => noted.push(one, stateOf(folder).state));
        await ended(supervisor);

        expect(noted).to.deep.equal([supervisor, "running"]);
        expect(stateOf(folder)).to.deep.equal({ state: "ended", code: 0 });
        expect(fs.readFileSync(inFolder("said"), "utf8")).to.equal("built +iso --ARCH=amd64\n");
    });

    it("builds nothing when whoever started it ends before it is noted down", async () => {
        let supervisor: ProcessIdentity | undefined;
        const start = (): unknown =>
            startSupervisor(folder, { targets: ["iso"], args: [], env }, (one) => {
                supervisor = one;
                throw new Error("killed");
            });
        expect(start).to.throw("killed");
        if (supervisor) await ended(supervisor);

        expect(fs.existsSync(inFolder("said"))).to.equal(false);
        expect(stateOf(folder)).to.deep.equal({ state: "lost" });
    });

    it("takes the logins along, whichever way the build ends", async () => {
        for (const [end, code] of [["exit 0", 0] as const, ["exit 3", 3] as const]) {
            script(`test -f spectro-luet-auth.yaml && test -f ../home/config.json || exit 9; ${end}`);
            const login = path.join(folder.tree, "spectro-luet-auth.yaml");
            fs.mkdirSync(folder.home);
            fs.writeFileSync(path.join(folder.home, "config.json"), "{}");
            fs.writeFileSync(login, "auth: {}\n");
            fs.rmSync(inFolder("ended"), { force: true });
            const job = { targets: ["iso"], args: [], env };
            await ended(startSupervisor(folder, job, () => undefined));

            expect(stateOf(folder)).to.deep.equal({ state: "ended", code });
            expect([fs.existsSync(folder.home), fs.existsSync(login)]).to.deep.equal([false, false]);
        }
    });

    it("is lost when its files were cut off by a full disk, and neither ended well nor broken for good", () => {
        fs.writeFileSync(inFolder("supervisor"), '{"pid":1');
        expect(stateOf(folder)).to.deep.equal({ state: "lost" });
        fs.writeFileSync(inFolder("ended"), "");
        expect(stateOf(folder)).to.deep.equal({ state: "lost" });
    });
});

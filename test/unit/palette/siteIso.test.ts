import { expect } from "chai";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { siteIso } from "../../../provider/palette/siteIso.handler";
import { testContext, type TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import { Row } from "../../support/row";

const USER_DATA =
    "#cloud-config\nstylus: { site: { paletteEndpoint: a.example.com, edgeHostToken: t0ken } }\n";
const FILE = "out/till-4.iso";

describe("palette.SiteIso", () => {
    let projectDir: string;
    beforeEach(() => {
        projectDir = fs.mkdtempSync(path.join(os.tmpdir(), "site-iso-"));
    });
    afterEach(() => fs.rmSync(projectDir, { recursive: true }));

    const context = (): TestContext<never> => testContext({ client: undefined as never, projectDir });
    const file = (): string => path.join(projectDir, FILE);
    const sha256 = (): string => crypto.createHash("sha256").update(fs.readFileSync(file())).digest("hex");

    async function written(more: Record<string, unknown> = {}): Promise<Row> {
        const row = new Row(siteIso);
        await row.up({ file: FILE, userData: USER_DATA, ...more }, context());
        return row;
    }

    it("is written for its owner only, with its digest told before, and deleted", async () => {
        const inputs = { file: FILE, userData: USER_DATA, metaData: "instance-id: a\n" };
        const told = await new Row(siteIso).check(inputs, context());
        const row = await written(inputs);
        expect(fs.statSync(file()).mode & 0o777).to.equal(0o600);
        expect(sha256()).to.equal(told.sha256);
        expect(fs.readFileSync(file()).includes(USER_DATA)).to.equal(true);
        expect(await row.refresh(context())).to.deep.equal([]);
        expect(await row.up(inputs, context())).to.equal("same");
        await row.delete(context());
        expect(fs.readdirSync(path.dirname(file()))).to.deep.equal([]);
    });

    it("is written again when it was changed or is missing, or when the user-data is another", async () => {
        const row = await written();
        const first = sha256();
        fs.appendFileSync(file(), "x");
        expect(await row.refresh(context())).to.deep.equal(["sha256"]);
        await row.up({ file: FILE, userData: USER_DATA }, context());
        expect(sha256()).to.equal(first);
        await row.up({ file: FILE, userData: `${USER_DATA}install: { poweroff: true }\n` }, context());
        expect(sha256()).to.not.equal(first);
        fs.rmSync(file());
        expect(await row.refresh(context())).to.equal("gone");
    });

    it("leaves a file that is not what it wrote", async () => {
        const row = await written();
        fs.writeFileSync(file(), "somebody else's");
        const run = context();
        await row.delete(run);
        expect(run.messages.warn[0]).to.include("is left");
        expect(fs.existsSync(file())).to.equal(true);
    });

    it("leaves a file that another resource has written since, as one of another name does with the same bytes", async () => {
        const row = await written();
        const before = new Date("2026-01-01T00:00:00Z");
        row.state = { inputs: row.state?.inputs ?? {}, outputs: { written: before.toISOString() } };
        const renamed = await written({ file: `./${FILE}` });
        const run = context();
        await row.delete(run);
        expect(run.messages.warn[0]).to.include("was written again");
        expect(fs.existsSync(file())).to.equal(true);
        await renamed.delete(run);
        expect(fs.existsSync(file())).to.equal(false);
    });

    it("refuses user-data that the agent would not read, without showing it", async () => {
        const said = await failure(written({ userData: "# a comment\n#cloud-config\nt0ken\n" }));
        expect(said).to.include("must begin with the line #cloud-config").and.not.include("t0ken");
    });
});

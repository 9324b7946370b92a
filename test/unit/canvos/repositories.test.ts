import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { CanvosRepository } from "../../../lab/canvos/repository";
import { Git } from "../../../provider/canvos/git";
import { Repositories } from "../../../provider/canvos/repositories";
import { needsTool } from "../../support/tools";
import { temporaryFolder } from "../image/fixtures";

describe("canvos: private copies of repositories", function () {
    this.timeout(30_000);
    const folder = temporaryFolder();
    let origin: CanvosRepository;

    before(function () {
        needsTool(this, "git");
        origin = CanvosRepository.create();
    });
    after(() => (origin as CanvosRepository | undefined)?.close());

    it("are made whole where a run was killed while it made them, or fetched", async () => {
        const copies = new Repositories(
            new Git({ ...process.env, HOME: folder.path() }),
            folder.path("copies"),
        );
        const copy = copies.copyOf(origin.folder);
        fs.mkdirSync(copy, { recursive: true });
        const sleep = (): Promise<void> => Promise.resolve();
        const commit = origin.commits["v4.8.10"] ?? "";
        expect(await copies.withCommit(origin.folder, commit, { sleep })).to.equal(copy);

        for (const lock of ["packed-refs.lock", "refs/heads/main.lock"])
            fs.writeFileSync(path.join(copy, lock), "");
        origin.git("checkout", "-q", "main");
        const next = origin.commitFiles({ "README.md": "changed\n" });
        expect(await copies.withCommit(origin.folder, next, { sleep })).to.equal(copy);
    });
});

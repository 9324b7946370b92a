import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { CanvosRepository } from "../../../lab/canvos/repository";
import type { Builder } from "../../../provider/canvos/builder";
import { canvos } from "../../../provider/canvos/system";
import { testContext, testHost, type TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import { GIT_LOGIN, GitServer } from "../../support/gitServer";
import { startProxy } from "../../support/imageServer";
import { needsTool } from "../../support/tools";

describe("a CanvOS repository behind HTTPS", function () {
    this.timeout(60_000);
    let repository: CanvosRepository;
    let server: GitServer;
    let work: string;

    before(async function () {
        needsTool(this, "git");
        repository = CanvosRepository.create();
        server = await GitServer.start(path.dirname(repository.folder));
    });
    beforeEach(() => {
        work = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-git-"));
        server.requests.length = 0;
    });
    afterEach(() => {
        fs.rmSync(work, { recursive: true, force: true });
    });
    after(async () => {
        await (server as GitServer | undefined)?.close();
        (repository as CanvosRepository | undefined)?.close();
    });

    function context(more: Record<string, string> = {}): TestContext<Builder> {
        const env = {
            ...{ PATH: process.env.PATH, HOME: work, EDGE_OS_CACHE_DIR: path.join(work, "cache") },
            EDGE_OS_CANVOS_GIT_USERNAME: GIT_LOGIN.username,
            EDGE_OS_CANVOS_GIT_TOKEN: GIT_LOGIN.password,
            EDGE_OS_CANVOS_GIT_CA_FILE: server.caFile,
            ...more,
        };
        const client = canvos.connect({}, testHost({ env, projectDir: work }));
        return testContext({ client, env, projectDir: work, preview: true });
    }

    function address(host = "127.0.0.1", folder = ""): string {
        return `https://${host}:${server.port}${folder}/${path.basename(repository.folder)}`;
    }

    async function commitOf(git: string, run: TestContext<Builder>): Promise<string> {
        return (await run.client.checkout({ git, ref: "v4.8.10" }, undefined, run)).commit;
    }

    it("is read with an own CA and a login, which stays in the memory", async () => {
        expect(await commitOf(address(), context())).to.equal(repository.commits["v4.8.10"]);
        const kept = fs
            .readdirSync(work, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map(({ parentPath, name }) => fs.readFileSync(path.join(parentPath, name), "latin1"));
        expect(kept.length).to.be.greaterThan(3);
        expect(kept.filter((text) => text.includes(GIT_LOGIN.password))).to.deep.equal([]);
    });

    it("is read through a proxy, which alone knows where it is", async () => {
        const proxy = await startProxy();
        try {
            const run = context({ EDGE_OS_CANVOS_GIT_PROXY: proxy.url });
            expect(await commitOf(address("git.test"), run)).to.equal(repository.commits["v4.8.10"]);
            expect(new Set(proxy.targets)).to.deep.equal(new Set([`git.test:${server.port}`]));
        } finally {
            await proxy.close();
        }
    });

    it("is not read where its CA is not known, or its login is wrong", async () => {
        const stranger = await failure(commitOf(address(), context({ EDGE_OS_CANVOS_GIT_CA_FILE: "" })));
        expect(stranger)
            .to.match(/certificate/i)
            .and.contain("gitCaFile");
        const wrong = context({ EDGE_OS_CANVOS_GIT_TOKEN: "wrong-token" });
        expect(await failure(commitOf(address(), wrong)))
            .to.match(/authentication failed/i)
            .and.contain("gitToken")
            .and.not.contain("wrong-token");
    });

    it("gives its login to no other host that it leads to", async () => {
        server.movedTo = `https://localhost:${server.port}`;
        await failure(commitOf(address("127.0.0.1", "/moved"), context()));
        const others = server.requests.filter(({ host }) => host.startsWith("localhost"));
        expect(others).to.have.lengthOf.at.least(1);
        expect(others.map(({ authorization }) => authorization)).to.not.include.members([
            `Basic ${Buffer.from(`${GIT_LOGIN.username}:${GIT_LOGIN.password}`).toString("base64")}`,
        ]);
    });
});

import { expect } from "chai";
import * as fs from "node:fs";
import * as path from "node:path";
import { startLab, type Lab } from "../../lab";
import { engines, stackUnderTest, type CommandResult, type StackUnderTest } from "../support/stack";

const EXAMPLE = path.resolve(__dirname, "../../examples/palette-site");
const FIRST = "edge-site1-1";

for (const engine of engines()) {
    describe(`the example palette-site, on the ${engine} engine`, function () {
        this.timeout(120_000);
        let lab: Lab;
        let stack: StackUnderTest;
        /** Everything that any command has said. */
        const said: string[] = [];

        before(async () => {
            lab = await startLab({
                ...{ emf: false, images: false, palette: true, autoBoot: true, paletteClusterPace: 50 },
            });
            const { endpoint, caFile, apiKey } = lab.palette;
            stack = stackUnderTest({
                program: { dir: EXAMPLE },
                engine,
                config: { "edge-os:palette": { endpoint, caFile } },
                env: { EDGE_OS_PALETTE_API_KEY: apiKey, PULUMI_NODEJS_TRANSPILE_ONLY: "true" },
            });
        });
        after(async () => {
            stack.remove();
            await lab.close();
        });

        it("registers, pairs and waits for three hosts, and makes a running cluster of them", async () => {
            const { outputs } = await succeeds(stack.up());
            expect(clusterOf(lab)).to.include({ uid: outputs.clusterUid, state: "Running", healthy: true });
            const { edgeHosts } = lab.palette.store;
            expect(edgeHosts.list().map(({ uid, health }) => [uid, health])).to.have.deep.members(
                [1, 2, 3].map((number) => [`edge-site1-${number}`, "healthy"]),
            );
        });

        it("changes nothing the second time, nor in a preview or a refresh", async () => {
            for (const command of ["up", "preview", "refresh"] as const) {
                expect(changes(await succeeds(stack[command]())), command).to.deep.equal({});
            }
        });

        it("shows in a refresh what was changed behind its back, and repairs it", async () => {
            const { store } = lab.palette;
            const host = hostOf(FIRST);
            store.edgeHosts.put({ ...host, labels: { ...host.labels, site: "elsewhere", by: "hand" } });
            store.edgeHosts.remove("edge-site1-2");
            const token = onlyToken();
            store.tokens.put({ ...token, isActive: false });
            fs.rmSync(path.join(stack.dir, "out/site1-3.iso"));
            const profile = onlyProfile();
            const edited = (profile.published ?? []).map((pack, i) =>
                i === 1 ? { ...pack, values: `${pack.values}\n# by hand\n` } : pack,
            );
            store.profiles.put({ ...profile, published: edited });
            const refreshed = await succeeds(stack.refresh());
            expect(changes(refreshed)).to.deep.equal({ update: 3, delete: 2 });
            await succeeds(stack.up());
            expect(hostOf(FIRST).labels).to.include({ site: "site1", by: "hand" });
            expect(hostOf("edge-site1-2").labels).to.include({ rack: "2" });
            expect(onlyToken()).to.include({ isActive: true, token: token.token });
            expect(fs.existsSync(path.join(stack.dir, "out/site1-3.iso"))).to.equal(true);
            expect(JSON.stringify(onlyProfile().published)).to.not.include("by hand");
        });

        it("shows in a refresh that a node was taken out of the cluster, and puts it back", async () => {
            // Only now has the machine of the host that was deleted paired again: members of a pool must have.
            const cluster = clusterOf(lab);
            const pools = cluster.pools.map((pool) =>
                pool.isControlPlane ? pool : { ...pool, hosts: pool.hosts.slice(0, 1) },
            );
            lab.palette.store.clusters.put({ ...cluster, pools });
            expect(changes(await succeeds(stack.refresh()))).to.deep.equal({ update: 1 });
            expect(hostOf("edge-site1-2")).to.include({ health: "healthy" });
            await succeeds(stack.up());
            expect(clusterOf(lab).pools.flatMap(({ hosts }) => hosts)).to.have.lengthOf(3);
            expect(changes(await succeeds(stack.up()))).to.deep.equal({});
        });

        it("rolls another release out in place, and removes the old version last", async () => {
            const { uid } = clusterOf(lab);
            const program = path.join(stack.dir, "index.ts");
            fs.writeFileSync(program, fs.readFileSync(program, "utf8").replace("1.0.0", "1.1.0"));
            await succeeds(stack.up());
            expect(onlyProfile().version).to.equal("1.1.0");
            expect(clusterOf(lab)).to.include({ uid, state: "Running", healthy: true });
            expect(clusterOf(lab).profiles.map((profile) => profile.uid)).to.deep.equal([onlyProfile().uid]);
        });

        it("has neither key nor token in clear in its state, in what it said, or anywhere but in the ISOs", () => {
            const { apiKey } = lab.palette;
            const agents = lab.palette.store.edgeHosts
                .list()
                .map(({ serviceAuthToken = apiKey }) => serviceAuthToken);
            const spellings = [apiKey, onlyToken().token, ...agents].flatMap((secret) => [
                secret,
                Buffer.from(secret).toString("base64").replace(/=+$/, ""),
            ]);
            const telling = (texts: string[]): string[] =>
                texts.filter((text) => spellings.some((spelling) => text.includes(spelling)));
            expect(telling(stateFiles(stack)), "state").to.deep.equal([]);
            expect(telling(said), "messages").to.deep.equal([]);
            const iso = fs.readFileSync(path.join(stack.dir, "out/site1-1.iso"));
            expect(iso.includes(onlyToken().token)).to.equal(true);
        });

        it("leaves nothing", async () => {
            await succeeds(stack.destroy());
            const { edgeHosts, tokens, profiles, clusters } = lab.palette.store;
            expect([edgeHosts, tokens, profiles].flatMap<object>((kind) => kind.list())).to.deep.equal([]);
            expect(clusters.list().map(({ state }) => state)).to.deep.equal(["Deleted"]);
            expect(fs.readdirSync(path.join(stack.dir, "out"))).to.deep.equal([]);
        });

        async function succeeds(command: Promise<CommandResult>): Promise<CommandResult> {
            const result = await command;
            said.push(result.stdout);
            expect(result.exitCode, result.stdout).to.equal(0);
            return result;
        }

        function hostOf(uid: string) {
            const host = lab.palette.store.edgeHosts.get(uid);
            if (!host) throw new Error(`${uid} is not registered`);
            return host;
        }

        function onlyProfile() {
            const [profile, ...others] = lab.palette.store.profiles.list();
            if (!profile || others.length > 0) throw new Error(`there are ${others.length + 1} profiles`);
            return profile;
        }

        function onlyToken() {
            const [token, ...others] = lab.palette.store.tokens.list();
            if (!token || others.length > 0) throw new Error(`there are ${others.length + 1} tokens`);
            return token;
        }
    });
}

function clusterOf({ palette }: Lab) {
    const [cluster, ...others] = palette.store.clusters.list();
    if (!cluster || others.length > 0) throw new Error(`there are ${others.length + 1} clusters`);
    return cluster;
}

/** The state with its history. */
function stateFiles({ stateDir }: StackUnderTest): string[] {
    return fs
        .readdirSync(stateDir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8"));
}

/** What the summary counts beside what stayed the same. */
function changes(result: CommandResult): Record<string, number> {
    return Object.fromEntries(
        Object.entries(result.changes).filter(([op, count]) => op !== "same" && count > 0),
    );
}

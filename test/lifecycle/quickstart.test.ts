import { expect } from "chai";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { startLab, type Lab } from "../../lab";
import { COMPLETE, EMPTY, fleetStates, inventory, quickstartStack } from "../support/quickstart";
import { engines, type CommandResult, type StackUnderTest } from "../support/stack";

const RUNNING = { SN0001: "Running", SN0002: "Running", SN0003: "Running" };

for (const engine of engines()) {
    describe(`the quickstart, on the ${engine} engine`, function () {
        this.timeout(240_000);
        let dir: string;
        let lab: Lab;
        let stack: StackUnderTest;
        const start = () => startLab({ dir, autoBoot: true, speed: 10 });

        before(async () => {
            dir = fs.mkdtempSync(path.join(os.tmpdir(), "quickstart-lab-"));
            lab = await start();
            stack = quickstartStack(lab, engine);
        });
        after(async () => {
            stack.remove();
            await lab.close();
            fs.rmSync(dir, { recursive: true });
        });

        it("verifies, publishes, registers, and brings three hosts up in two waves", async () => {
            const result = succeeded(await stack.up());
            expect(await fleetStates(lab)).to.deep.equal(RUNNING);
            expect(await inventory(lab)).to.deep.equal(COMPLETE);
            const order = result.operations.map(({ name }) => name);
            expect(order.indexOf("stores-wave-1")).to.be.greaterThan(order.indexOf("stores-SN0001"));
            expect(order.indexOf("stores-SN0002")).to.be.greaterThan(order.indexOf("stores-wave-1"));
        });

        it("changes nothing the second time", async () => {
            expect(changes(succeeded(await stack.up()))).to.deep.equal({});
        });

        it("shows in a refresh exactly what was changed behind its back", async () => {
            await changeBehindItsBack(lab);
            const result = succeeded(await stack.refresh());
            const seen = result.operations.filter(({ op }) => !["same", "refresh"].includes(op));
            expect(changedNames(result)).to.have.members([
                "ubuntu-edge (OsProfile)",
                "stores-SN0002",
                "stores-SN0003",
            ]);
            expect(seen.length).to.be.at.most(3);
        });

        it("repairs it", async () => {
            succeeded(await stack.up());
            expect(await fleetStates(lab)).to.deep.equal(RUNNING);
            expect(await inventory(lab)).to.deep.equal(COMPLETE);
            const [profile] = await lab.emf.list("compute/os");
            expect(String(profile?.metadata)).to.contain('"purpose":"quickstart"');
            const sites = (await lab.emf.list("compute/hosts")).map(
                (host) => (host.site as { name: string }).name,
            );
            expect(sites).to.deep.equal(["store-1", "store-1", "store-1"]);
            expect(changes(succeeded(await stack.up()))).to.deep.equal({});
        });

        it("changes nothing after the lab was stopped and started", async () => {
            await lab.close();
            lab = await start();
            expect(changes(succeeded(await stack.up()))).to.deep.equal({});
        });

        it("keeps no credential in its state", () => {
            const files = fs
                .readdirSync(stack.stateDir, { recursive: true, withFileTypes: true })
                .filter((entry) => entry.isFile())
                .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8"));
            expect(files.join("\n")).not.to.contain(lab.emf.password);
        });

        it("leaves the lab empty", async () => {
            succeeded(await stack.destroy());
            expect(await inventory(lab)).to.deep.equal(EMPTY);
            expect(fs.readdirSync(lab.images.directory)).to.deep.equal([]);
        });
    });
}

async function changeBehindItsBack(lab: Lab): Promise<void> {
    const [profile] = await lab.emf.list("compute/os");
    const metadata = JSON.parse(String(profile?.metadata)) as Record<string, string>;
    await lab.emf.patch("compute/os", String(profile?.resourceId), {
        sha256: profile?.sha256,
        metadata: JSON.stringify({ ...metadata, purpose: "somebody-else" }),
    });

    const hosts = await lab.emf.list("compute/hosts");
    const host = (serial: string) => {
        const found = hosts.find(({ serialNumber }) => serialNumber === serial);
        if (!found) throw new Error(`there is no host ${serial}`);
        return found;
    };
    const second = host("SN0002");
    await lab.emf.patch("compute/hosts", second.resourceId, { name: second.name, siteId: "" });

    const third = host("SN0003");
    const instance = third.instance as { resourceId: string };
    await lab.emf.remove("compute/instances", instance.resourceId);
    await lab.emf.until(() => lab.emf.store.instanceOf(third.resourceId) === undefined, "the instance to go");
    await lab.emf.remove("compute/hosts", third.resourceId);
    await lab.emf.until(
        () => lab.emf.store.hosts().every(({ resourceId }) => resourceId !== third.resourceId),
        "the host to go",
    );
}

function succeeded(result: CommandResult): CommandResult {
    expect(result.exitCode, result.stdout).to.equal(0);
    return result;
}

/** What the summary counts beside what stayed the same. */
function changes(result: CommandResult): Record<string, number> {
    return Object.fromEntries(
        Object.entries(result.changes).filter(([op, count]) => op !== "same" && count > 0),
    );
}

/** Rows of a refresh that ended in a change or a deletion. */
function changedNames(result: CommandResult): string[] {
    return result.events
        .flatMap(({ resOutputsEvent }) => (resOutputsEvent ? [resOutputsEvent.metadata] : []))
        .filter(({ op }) => op === "update" || op === "delete")
        .map(({ urn }) => {
            const name = urn.split("::").pop() ?? "";
            return urn.includes("OsProfile") ? `${name} (OsProfile)` : name;
        });
}

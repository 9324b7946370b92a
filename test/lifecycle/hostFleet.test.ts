import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import * as zlib from "node:zlib";
import { expect } from "chai";
import { HOSTS_CSV_HEADER, parseHostsCsv } from "../../components/hostsCsv";
import { startLab, type ApiObject, type Lab } from "../../lab";
import { emfConfig } from "../support/quickstart";
import {
    engines,
    stackUnderTest,
    type EngineName,
    type CommandResult,
    type StackUnderTest,
} from "../support/stack";
import { ESP, ROOT, tinyImage } from "../unit/lab/tinyImage";

const SERIALS = Array.from({ length: 12 }, (_, i) => `SN${String(i + 1).padStart(5, "0")}`);
const [WAVE_1, WAVE_2, WAVE_3] = [SERIALS.slice(0, 2), SERIALS.slice(2, 6), SERIALS.slice(6)];
const BROKEN = "SN00004";
const ERROR_FILE = "import_error_stores-wave-2_hosts.csv";

/** A host as EMF shows it. */
interface Host extends ApiObject {
    instance: { resourceId: string; os: { name: string } } | null;
}

for (const engine of engines()) {
    describe(`a fleet of twelve in three waves, on the ${engine} engine`, function () {
        this.timeout(120_000);
        let lab: Lab;
        let stack: StackUnderTest;
        let first: Map<string, Host>;

        before(async () => {
            lab = await startLab({ autoBoot: true, speed: 50 });
            stack = fleetStack(lab, engine);
            writeCsv(stack, SERIALS);
        });
        after(async () => {
            stack.remove();
            await lab.close();
        });

        it("comes up", async () => {
            stack.setProgram(program(lab, "v1"));
            succeeded(await stack.up());
            first = await hosts(lab);
            expect(statesOf(first, SERIALS)).to.deep.equal(all(SERIALS, "v1 Running"));
            expect(files(stack)).to.deep.equal([]);
        });

        it("stops a new profile at the wave in which a machine fails", async () => {
            lab.emf.device(BROKEN).fail({ at: "Streaming OS image", do: "fail", message: "disk is gone" });
            stack.setProgram(program(lab, "v2"));
            const failed = await stack.up();
            expect(failed.exitCode, failed.stdout).not.to.equal(0);

            const [message = ""] = errorsOf(failed, "stores-wave-2");
            expect(message).to.include("1 of 4 hosts failed before running");
            for (const serial of WAVE_2) expect(message).to.include(serial);
            expect(message).to.match(
                new RegExp(`${BROKEN}: failed: .*Streaming OS image failed: disk is gone`),
            );
            expect(message).to.include(`${ERROR_FILE} has 1 host with the reason`);

            const now = await hosts(lab);
            expect(statesOf(now, WAVE_1)).to.deep.equal(all(WAVE_1, "v2 Running"));
            expect(WAVE_3.map((serial) => now.get(serial))).to.deep.equal(
                WAVE_3.map((serial) => first.get(serial)),
            );
        });

        it("has written the failed host as a file that can be imported again", () => {
            expect(files(stack)).to.deep.equal([ERROR_FILE]);
            const text = fs.readFileSync(path.join(stack.dir, ERROR_FILE), "utf8");
            const [problem, ...others] = parseHostsCsv(text).problems;
            expect(others).to.deep.equal([]);
            expect(problem).to.deep.include({ line: 2, column: "Error - do not fill" });
            expect(problem?.message).to.include("disk is gone");
            const corrected = parseHostsCsv(text.replace(/,[^,]*\n$/, ",\n"));
            expect(corrected.problems).to.deep.equal([]);
            expect(
                corrected.rows.map(({ serial, osProfile, site }) => [serial, osProfile, site]),
            ).to.deep.equal([[BROKEN, "ubuntu-v2", "store"]]);
        });

        it("goes back to the old profile, and loses nothing", async () => {
            lab.emf.device(BROKEN).repair();
            stack.setProgram(program(lab, "v1"));
            succeeded(await stack.up());

            const now = await hosts(lab);
            expect(statesOf(now, SERIALS)).to.deep.equal(all(SERIALS, "v1 Running"));
            // The profile in them has another claim now.
            expect(untouched(now)).to.deep.equal(untouched(first));
            expect(await lab.emf.list("compute/instances")).to.have.lengthOf(SERIALS.length);
            const profiles = await lab.emf.list("compute/os");
            expect(profiles.map(({ name }) => name)).to.deep.equal(["ubuntu-v1"]);
            expect(files(stack)).to.deep.equal([]);
            expect(changes(succeeded(await stack.up()))).to.deep.equal({});
        });

        it("is not deleted by a file that was cut off", async () => {
            writeCsv(stack, SERIALS.slice(0, 6));
            for (const run of [() => stack.preview(), () => stack.up()]) {
                const refused = await run();
                expect(refused.exitCode, refused.stdout).not.to.equal(0);
                expect(refused.stdout).to.include("6 of 12 hosts are not in the list any more");
                expect(refused.stdout).to.include("SN00007, SN00008, SN00009, SN00010, SN00011, SN00012");
                expect(refused.stdout).to.include("set maxRemovals: 6");
                expect(refused.operations.filter(({ op }) => op !== "same")).to.deep.equal([]);
            }
            expect(await hosts(lab)).to.have.all.keys(SERIALS);
        });

        it("lets hosts go when that is said", async () => {
            stack.setProgram(program(lab, "v1", "maxRemovals: 6"));
            succeeded(await stack.up());
            expect(await hosts(lab)).to.have.all.keys(SERIALS.slice(0, 6));
        });
    });
}

function fleetStack(lab: Lab, engine: EngineName): StackUnderTest {
    const stack = stackUnderTest({
        engine,
        program: { source: "" },
        config: emfConfig(lab),
    });
    stack.env = { EDGE_OS_EMF_PASSWORD: lab.emf.password };
    return stack;
}

/** Each version has an image of its own. */
function program(lab: Lab, version: string, more = ""): string {
    const image = zlib.gzipSync(tinyImage([{ ...ROOT, label: version }, ESP]));
    fs.writeFileSync(path.join(lab.images.directory, `${version}.raw.gz`), image);
    const profile = {
        name: `ubuntu-${version}`,
        imageUrl: `${lab.images.baseUrl}/${version}.raw.gz`,
        sha256: crypto.createHash("sha256").update(image).digest("hex"),
        type: "MUTABLE",
        securityFeature: "NONE",
        tlsCaCert: lab.images.certificate,
    };
    return `
const { components, emf } = require("pulumi-edge-os");
const region = new emf.Region("north", { name: "north" });
const site = new emf.Site("store", { name: "store", regionId: region.resourceId });
const osProfile = new emf.OsProfile("ubuntu", ${JSON.stringify(profile)});
new components.HostFleet("stores", {
    csv: "hosts.csv",
    osProfile,
    site,
    reimage: "allow",
    pending: "wait",
    waves: [{ count: 2 }, { count: 4 }, { rest: true }],
    ${more}
});`;
}

function writeCsv(stack: StackUnderTest, serials: readonly string[]): void {
    const lines = [HOSTS_CSV_HEADER.join(","), ...serials];
    fs.writeFileSync(path.join(stack.dir, "hosts.csv"), `${lines.join("\n")}\n`);
}

async function hosts(lab: Lab): Promise<Map<string, Host>> {
    const found = (await lab.emf.list("compute/hosts")) as Host[];
    expect(new Set(found.map(({ serialNumber }) => serialNumber)).size).to.equal(found.length);
    return new Map(found.map((host) => [String(host.serialNumber), host]));
}

function statesOf(found: ReadonlyMap<string, Host>, serials: readonly string[]): Record<string, string> {
    return Object.fromEntries(
        serials.map((serial) => {
            const host = found.get(serial);
            return [serial, `${host?.instance?.os.name.replace("ubuntu-", "")} ${String(host?.hostStatus)}`];
        }),
    );
}

/** What shows that nothing was done to the last wave's hosts. */
function untouched(found: ReadonlyMap<string, Host>): unknown[] {
    return WAVE_3.map((serial) => {
        const host = found.get(serial);
        return [host?.resourceId, host?.timestamps, host?.instance?.resourceId];
    });
}

function all(serials: readonly string[], state: string): Record<string, string> {
    return Object.fromEntries(serials.map((serial) => [serial, state]));
}

/** The files of failed hosts in the program's folder. */
function files(stack: StackUnderTest): string[] {
    return fs.readdirSync(stack.dir).filter((name) => name.includes("error"));
}

function errorsOf(result: CommandResult, name: string): string[] {
    return result.diagnostics
        .filter(({ severity, urn }) => severity === "error" && urn?.endsWith(`::${name}`))
        .map(({ message }) => message);
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

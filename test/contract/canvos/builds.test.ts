import { expect } from "chai";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { applianceImage } from "../../../provider/canvos/applianceImage.handler";
import { messageOf } from "../../../provider/resource/errors";
import { CanvosMachine, isPartial } from "../../support/canvos";
import { errorOf } from "../../support/failure";
import { skipBecause } from "../../support/tools";

/** What must not go on after a build that has not ended well. */
function leftOver(machine: CanvosMachine): string[] {
    const processes = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
        .split("\n")
        .filter((line) => line.includes("earthly.sh") && line.includes(machine.work));
    return [...processes, ...machine.engine.run("ps", "-q").split("\n").filter(Boolean)];
}

/** Whether the build has come to the container that takes its time; the probe before it ends by itself. */
function isInContainer({ engine }: CanvosMachine): boolean {
    return engine.run("ps", "--no-trunc", "--format", "{{.Command}}").includes("sleep 600");
}

describe("canvos.ApplianceImage: builds that go wrong", function () {
    this.timeout(120_000);
    let machine: CanvosMachine;

    before(async function () {
        machine = await CanvosMachine.start(this);
    });
    after(async () => {
        await (machine as CanvosMachine | undefined)?.close();
    });

    /** Builds with a knob of the repository turned; the tag keeps them apart. */
    function wrong(customTag: string, ...knobs: string[]): Record<string, unknown> {
        return { ...machine.given({ arguments: { customTag } }), ...machine.wrong(...knobs) };
    }

    it("says why a target failed, and where the whole log is", async () => {
        const error = await errorOf(machine.create(wrong("fails", "fail-at=provider-image")));

        expect(messageOf(error)).to.match(
            /the build failed \(exit code 1\):\n[^]*step of provider-image did not complete/,
        );
        const [, log = ""] = /whole log: (\S+)/.exec(messageOf(error)) ?? [];
        expect(fs.readFileSync(log, "utf8")).to.contain("--- ./earthly.sh +build-all-images");
        expect(leftOver(machine)).to.deep.equal([]);
    });

    it("pushes nothing of a build that leaves out the overlay or the user-data", async () => {
        machine.write("overlay/etc/modules-load.d/nfsrdma.conf", "rpcrdma\n");
        const userData = { stylus: { managementMode: "local" } };
        const given = { ...wrong("drops", "drop-overlay", "drop-user-data"), overlay: "overlay", userData };
        const error = await errorOf(machine.create(given));

        expect(messageOf(error)).to.contain("provider.overlay./etc/modules-load.d/nfsrdma.conf");
        expect(messageOf(error)).to.contain("iso.user-data");
        expect(machine.registry.requests.filter(({ method }) => method === "PUT")).to.deep.equal([]);
    });

    it("tells a tag that was not asked for from the one that was", async () => {
        const error = await errorOf(machine.create(wrong("tags", "wrong-tag")));

        expect(messageOf(error)).to.match(
            /has not made \S+-tags[0-9a-f]{8}, .*Docker has .*-tags[0-9a-f]{8}-other/,
        );
    });

    it("ends with its containers when it is cancelled", async () => {
        const cancel = new AbortController();
        const context = machine.context({
            signal: cancel.signal,
            sleep: async () => {
                await new Promise((resolve) => setTimeout(resolve, 50));
                if (isInContainer(machine)) cancel.abort(new Error("cancelled"));
                cancel.signal.throwIfAborted();
            },
        });
        const error = await errorOf(machine.create(wrong("slow", "slow"), context));

        expect(messageOf(error)).to.match(/^cancelled: the build was ended/);
        expect(leftOver(machine)).to.deep.equal([]);
    });

    it("goes on after the run that started it was killed, and is followed by the next", async () => {
        const given = machine.given({ arguments: { customTag: "resumed" } });
        let looks = 0;
        const killed = machine.context({
            sleep: () => (++looks > 1 ? Promise.reject(new Error("killed")) : Promise.resolve()),
        });
        expect(messageOf(await errorOf(machine.create(given, killed)))).to.equal("killed");

        const context = machine.context();
        const { inputs } = await machine.create(given, context);

        expect(context.messages.info.join("\n")).to.contain(
            "goes on with the build that an earlier run has started",
        );
        expect(machine.engine.run("image", "inspect", "-f", "{{.Id}}", inputs.systemUri)).to.match(
            /^sha256:/,
        );
    });

    it("is ended with its containers where the build itself was killed", async () => {
        const given = wrong("killed", "slow");
        const context = machine.context({
            sleep: async () => {
                await new Promise((resolve) => setTimeout(resolve, 50));
                if (isInContainer(machine)) spawnSync("pkill", ["-9", "-s", supervisorOf(machine)]);
            },
        });
        const error = await errorOf(machine.create(given, context));
        expect(messageOf(error)).to.match(/the build was killed from outside/);
        expect(leftOver(machine)).to.deep.equal([]);
    });

    it("says that the disk is full", async function () {
        const mount = ["-t", "tmpfs", "-o", "size=24m", "tmpfs", machine.work];
        if (process.getuid?.() !== 0 || spawnSync("mount", mount).status !== 0)
            skipBecause(this, "only root can mount a small disk");
        try {
            const error = await errorOf(machine.create(wrong("full", "no-space")));
            expect(messageOf(error)).to.match(/no space left on device[^]*make room \(docker system prune/);
        } finally {
            spawnSync("umount", [machine.work]);
        }
        expect(leftOver(machine)).to.deep.equal([]);
    });

    it("keeps what is built when the registry fails, and only pushes the next time", async () => {
        const { registry } = machine;
        registry.tap = (side, { method, path: where }) =>
            side === "before" && method === "PUT" && where.includes("/manifests/")
                ? { status: 503, code: "UNAVAILABLE" }
                : undefined;
        const given = machine.given({ arguments: { customTag: "pushed" } });
        const error = await errorOf(machine.create(given));
        registry.tap = undefined;

        if (!isPartial(error)) throw error;
        expect(error.message).to.match(/docker push [^]*503[^]*What is built is kept: the next pulumi up/);
        const { reached } = error;
        const inputs = reached.inputs as Parameters<typeof applianceImage.create>[0];
        const state = { inputs, outputs: reached.outputs as never };
        const refreshed = await applianceImage.read(reached.id ?? "", state, machine.context());
        expect(refreshed, "nothing was pushed, which a refresh must not forget").to.deep.equal({
            inputs: { intact: false },
        });
        const log = reached.outputs?.logFile ?? "";
        const { mtimeMs } = fs.statSync(log);
        const { outputs } = await applianceImage.update(
            reached.id ?? "",
            state,
            { ...inputs, intact: true },
            // The build has filled the disk.
            machine.context({}, "1000000"),
        );

        expect(outputs?.images?.[0]?.digest).to.match(/^sha256:/);
        expect(fs.statSync(log).mtimeMs, "built once more").to.equal(mtimeMs);
    });
});

function supervisorOf(machine: CanvosMachine): string {
    const builds = path.join(machine.work, "builds");
    const texts = fs.readdirSync(builds).flatMap((name) => {
        const file = path.join(builds, name, "supervisor");
        const isOver = fs.existsSync(path.join(builds, name, "ended"));
        return fs.existsSync(file) && !isOver ? [fs.readFileSync(file, "utf8")] : [];
    });
    return String((JSON.parse(texts[0] ?? '{"pid":0}') as { pid: number }).pid);
}

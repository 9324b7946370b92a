import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { stackLayout, type StackLayout } from "../../../lab/engine/layout";
import { identify, isAlive } from "../../../lab/engine/liveness";
import { StackLock } from "../../../lab/engine/lock";
import { endOrphans, ProcessRecord } from "../../../lab/engine/orphans";

describe("engine lock and orphans", () => {
    let folder: string;
    let layout: StackLayout;
    const children: ChildProcess[] = [];

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "engine-lock-"));
        layout = stackLayout(folder, "p", "s");
    });
    afterEach(() => {
        fs.rmSync(folder, { recursive: true });
        for (const child of children.splice(0)) {
            child.kill("SIGKILL");
        }
    });

    function sleeper(): ChildProcess & { pid: number } {
        const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
            detached: true,
            stdio: "ignore",
        });
        children.push(child);
        return child as ChildProcess & { pid: number };
    }

    async function deadProcess(): Promise<{ pid: number; started: string }> {
        const child = sleeper();
        const id = identify(child.pid);
        child.kill("SIGKILL");
        await once(child, "exit");
        return id ?? { pid: child.pid, started: "unknown" };
    }

    function plantLock(content: object): string {
        fs.mkdirSync(layout.locks, { recursive: true });
        const file = path.join(layout.locks, "11111111-2222-3333-4444-555555555555.json");
        fs.writeFileSync(
            file,
            JSON.stringify({ username: "u", timestamp: "2026-01-01T00:00:00Z", ...content }),
        );
        // As the CLI does beside each of its files.
        fs.writeFileSync(`${file}.attrs`, JSON.stringify({ "user.content_type": "text/plain" }));
        return file;
    }

    it("locks in the CLI's form, and refuses a second run meanwhile", () => {
        const lock = StackLock.acquire(layout);
        const [file = ""] = fs.readdirSync(layout.locks);
        expect(file).to.match(/^[0-9a-f-]{36}\.json$/);
        expect(JSON.parse(fs.readFileSync(path.join(layout.locks, file), "utf8"))).to.include({
            pid: process.pid,
            hostname: os.hostname(),
        });
        expect(layout.locks.endsWith(path.join(".pulumi", "locks", "organization", "p", "s"))).to.equal(true);
        expect(() => StackLock.acquire(layout)).to.throw(`pid ${process.pid}`);
        lock.release();
        StackLock.acquire(layout).release();
        expect(fs.readdirSync(layout.locks)).to.deep.equal([]);
    });

    it("respects the CLI's lock even of a process that is gone", async () => {
        const file = plantLock({ pid: (await deadProcess()).pid, hostname: os.hostname() });
        expect(() => StackLock.acquire(layout)).to.throw("pulumi cancel");
        expect(fs.existsSync(file)).to.equal(true);
    });

    it("takes over its own lock of a killed run, not that of a running one or of another machine", async () => {
        const running = identify(sleeper().pid);
        plantLock({ ...running, hostname: os.hostname() });
        expect(() => StackLock.acquire(layout)).to.throw("locked by another run");
        const dead = await deadProcess();
        plantLock({ ...dead, hostname: "elsewhere" });
        expect(() => StackLock.acquire(layout)).to.throw("@elsewhere");
        const file = plantLock({ ...dead, hostname: os.hostname() });
        const lock = StackLock.acquire(layout);
        expect(lock.takenOver).to.equal(true);
        expect(fs.existsSync(file)).to.equal(false);
        lock.release();
    });

    it("refuses a lock it cannot read", () => {
        fs.mkdirSync(layout.locks, { recursive: true });
        fs.writeFileSync(path.join(layout.locks, "x.json"), "{");
        expect(() => StackLock.acquire(layout)).to.throw("cannot be read");
    });

    it("ends what a killed run left running, and nothing else", async () => {
        const [left, kept, reused] = [sleeper(), sleeper(), sleeper()];
        const crashed = new ProcessRecord(layout, await deadProcess());
        crashed.started(left.pid);
        crashed.started(kept.pid);
        crashed.ended(kept.pid);
        crashed.started(reused.pid);
        // The id now belongs to another process than the one recorded.
        const [name = ""] = fs.readdirSync(layout.processes);
        const file = path.join(layout.processes, name);
        const record = JSON.parse(fs.readFileSync(file, "utf8")) as {
            children: { pid: number; started: string }[];
        };
        for (const child of record.children) {
            child.started = child.pid === reused.pid ? "another time" : child.started;
        }
        fs.writeFileSync(file, JSON.stringify(record));

        const exited = once(left, "exit");
        expect(endOrphans(layout)).to.deep.equal([left.pid]);
        await exited;
        expect([kept, reused].every(({ pid }) => isAlive(identify(pid) ?? { pid, started: "" }))).to.equal(
            true,
        );
        expect(fs.readdirSync(layout.processes)).to.deep.equal([]);
    });

    it("leaves the processes of a running engine alone", () => {
        const child = sleeper();
        const record = new ProcessRecord(layout);
        record.started(child.pid);
        expect(endOrphans(layout)).to.deep.equal([]);
        expect(identify(child.pid)).to.be.an("object");
        record.close();
        expect(fs.readdirSync(layout.processes)).to.deep.equal([]);
    });
});

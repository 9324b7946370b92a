import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import {
    CommandTimedOut,
    ConnectionLost,
    HostKeyRefused,
    HostKeys,
    LoginRefused,
    SshConnections,
    SshUnreachable,
    type SshAddress,
    type SshConnection,
    type SshLogin,
} from "../../../provider/ssh";
import { generateKey, Sshd } from "../../support/sshd";
import { needsTool } from "../../support/tools";

interface Started {
    sshd: Sshd;
    scratch: string;
    connections: SshConnections;
}

const clock = {
    now: () => Date.now(),
    sleep: (milliseconds: number, signal?: AbortSignal) =>
        sleep(Math.min(milliseconds, 20), undefined, signal ? { signal } : undefined),
};

describe("SSH against a real sshd", function () {
    this.timeout(60_000);
    let sshd: Sshd;
    let scratch: string;
    let connections: SshConnections;
    let ssh: SshConnection;

    before(async function () {
        needsTool(this, "sshd");
        scratch = fs.mkdtempSync(path.join(os.tmpdir(), "ssh-test-"));
        sshd = await Sshd.start();
        connections = set();
        ssh = await connections.connect(addressOf(sshd));
    });
    after(async () => {
        // Nothing of it is there where the tool is missing.
        const started = { connections, sshd, scratch } as Partial<Started>;
        await started.connections?.close();
        await started.sshd?.[Symbol.asyncDispose]();
        if (started.scratch !== undefined) fs.rmSync(started.scratch, { recursive: true, force: true });
    });

    function addressOf({ host, port, user }: Sshd): SshAddress {
        return { host, port, user };
    }

    function loginOf({ key }: Sshd): SshLogin {
        return { key: key.privateKey, from: "the test's key" };
    }

    function set(options: Partial<ConstructorParameters<typeof SshConnections>[0]> = {}): SshConnections {
        return new SshConnections({ login: loginOf(sshd), clock, ...options });
    }

    async function failure(promise: Promise<unknown>): Promise<Error> {
        try {
            await promise;
        } catch (error) {
            return error as Error;
        }
        throw new Error("did not fail");
    }

    describe("commands", () => {
        it("end with their code, both outputs apart and every line as it comes", async () => {
            const lines: string[] = [];
            const result = await ssh.exec("echo out; echo err >&2; printf 'ü, no end'; exit 7", {
                onLine: (line, from) => void lines.push(`${from}: ${line}`),
            });
            expect(result).to.deep.equal({
                code: 7,
                signal: undefined,
                stdout: "out\nü, no end",
                stderr: "err\n",
                truncated: false,
            });
            expect(lines).to.have.members(["stdout: out", "stderr: err", "stdout: ü, no end"]);
        });

        it("tell the signal that ended them", async () => {
            expect(await ssh.exec("kill -TERM $$")).to.include({ code: undefined, signal: "TERM" });
        });

        it("read what they are given, and else nothing", async () => {
            const big = Buffer.alloc(3 << 20, "0123456789");
            expect((await ssh.exec("wc -c", { stdin: big })).stdout.trim()).to.equal(String(big.length));
            const stream = Readable.from(["one\n", "two\n"]);
            expect((await ssh.exec("cat", { stdin: stream })).stdout).to.equal("one\ntwo\n");
            expect(await ssh.exec("cat")).to.include({ code: 0, stdout: "" });
            // Ends before it has read what it is given.
            expect((await ssh.exec("true", { stdin: big })).code).to.equal(0);
        });

        it("keep the beginning and the end of a large output", async () => {
            const result = await ssh.exec("echo first; seq 1 200000; echo last", { maxOutput: 1000 });
            expect(result.truncated).to.equal(true);
            expect(result.stdout).to.match(
                /^first\n1\n2\n[^]*\n\[… \d+ bytes left out …\]\n[^]*200000\nlast\n$/,
            );
            expect(result.stdout.length).to.be.lessThan(1100);
        });

        it("take little time each, many over one connection", async () => {
            const times: number[] = [];
            for (let i = 0; i < 50; i++) {
                const began = performance.now();
                expect((await ssh.exec(`echo ${i}`)).stdout).to.equal(`${i}\n`);
                times.push(performance.now() - began);
            }
            // Without noDelay most wait for the kernel's delayed acknowledgement, 40 ms and more.
            const [median = Infinity] = times.sort((a, b) => a - b).slice(25);
            expect(median).to.be.lessThan(40);
        });

        it("wait their turn where the server allows ten at once", async () => {
            const results = await Promise.all(
                Array.from({ length: 40 }, (_, i) => ssh.exec(`sleep 0.02; echo ${i}`)),
            );
            expect(results.map(({ stdout }) => Number(stdout))).to.deep.equal(results.map((_, i) => i));
        });

        it("are ended on the other machine when they are cancelled", async () => {
            const cancel = new AbortController();
            const started: { pid?: number } = {};
            const running = ssh.exec("echo $$; exec sleep 1000", {
                signal: cancel.signal,
                onLine: (line) => {
                    started.pid = Number(line);
                    cancel.abort(new Error("cancelled"));
                },
            });
            expect((await failure(running)).message).to.equal("cancelled");
            await until(() => !isRunning(started.pid ?? 0), "the command's end");
            expect((await ssh.exec("echo still here")).stdout).to.equal("still here\n");
            const aborted = ssh.exec("true", { signal: cancel.signal });
            expect((await failure(aborted)).message).to.equal("cancelled");
        });

        it("are ended at their time limit, by name", async () => {
            const error = await failure(ssh.exec("sleep 1000", { timeLimit: 50, title: "the build" }));
            expect(error).to.be.instanceOf(CommandTimedOut);
            expect(error.message).to.equal(`the build on ${ssh.where} did not end within 0.05 s`);
        });
    });

    describe("files", () => {
        it("are read whole, up to a limit; a missing one is undefined", async () => {
            const file = path.join(scratch, "read");
            fs.writeFileSync(file, "content\n");
            expect((await ssh.readFile(file))?.toString()).to.equal("content\n");
            expect(await ssh.readFile(`${file}-not`)).to.equal(undefined);
            expect((await failure(ssh.readFile(file, { maxBytes: 3 }))).message).to.include(
                "more than 3 bytes",
            );
            expect((await failure(ssh.readFile(scratch))).message).to.match(/failure/);
            // Has no size.
            expect((await ssh.readFile("/proc/self/status"))?.length).to.be.greaterThan(100);
        });

        it("go there and back with folders, links and permissions", async () => {
            const from = path.join(scratch, "tree");
            fs.mkdirSync(path.join(from, "bin", "empty"), { recursive: true });
            fs.writeFileSync(path.join(from, "bin", "tool"), "#!/bin/sh\n");
            fs.chmodSync(path.join(from, "bin", "tool"), 0o755);
            fs.writeFileSync(path.join(from, "secret"), "s");
            fs.chmodSync(path.join(from, "secret"), 0o400);
            fs.writeFileSync(path.join(from, "nothing"), "");
            fs.symlinkSync("bin/tool", path.join(from, "link"));
            fs.writeFileSync(path.join(from, "big"), Buffer.alloc(5 << 20, "x"));
            fs.chmodSync(path.join(from, "bin"), 0o555);
            const there = path.join(scratch, "there");
            const back = path.join(scratch, "back");
            await ssh.upload(from, there);
            expect(listing(there)).to.deep.equal(listing(from));
            await ssh.download(there, back);
            expect(listing(back)).to.deep.equal(listing(from));
            // Again over what is there.
            fs.chmodSync(path.join(from, "nothing"), 0o600);
            await ssh.upload(path.join(from, "nothing"), path.join(there, "nothing"));
            await ssh.upload(path.join(from, "link"), path.join(there, "link"));
            expect(listing(there)).to.deep.equal(listing(from));
        });

        it("that cannot be written are named", async () => {
            const file = path.join(scratch, "read");
            const error = await failure(ssh.upload(file, path.join(scratch, "no", "such", "folder")));
            expect(error.message).to.match(/no\/such\/folder on .*: no such file/);
            expect((await failure(ssh.download("/no/such/file", file))).message).to.include(
                "/no/such/file on",
            );
        });

        it("that are large are named the same way, and nobody else reads them before they have their mode", async () => {
            const large = path.join(scratch, "large");
            fs.writeFileSync(large, Buffer.alloc((9 << 20) + 1, "0123456789"), { mode: 0o640 });
            const error = await failure(ssh.upload(large, path.join(scratch, "no", "such", "folder")));
            expect(error.message).to.match(/no\/such\/folder on .*: .*(no such file|nonexistent)/);
            expect((await failure(ssh.upload(large, "/dev/full"))).message).to.match(
                /^\/dev\/full on .*: no space left on device$/,
            );
            const modes = new Set<number>();
            const target = path.join(scratch, "it's large");
            const watch = fs.watch(scratch, () => {
                if (fs.existsSync(target)) modes.add(fs.statSync(target).mode & 0o777);
            });
            await ssh.upload(large, target);
            await until(() => modes.has(0o640), "its mode");
            watch.close();
            expect([...modes].filter((mode) => mode !== 0o640 && mode !== 0o600)).to.deep.equal([]);
            expect(fs.readFileSync(target).equals(fs.readFileSync(large))).to.equal(true);
        });

        it("stop on their way when they are cancelled", async () => {
            const big = path.join(scratch, "huge");
            fs.writeFileSync(big, "");
            fs.truncateSync(big, 2 ** 33);
            const cancel = new AbortController();
            const target = path.join(scratch, "huge-there");
            const running = ssh.upload(big, target, { signal: cancel.signal });
            await until(() => fs.existsSync(target), "the beginning");
            cancel.abort(new Error("cancelled"));
            expect((await failure(running)).message).to.equal("cancelled");
            fs.rmSync(target);
            fs.rmSync(big);
            expect((await ssh.exec("echo still here")).stdout).to.equal("still here\n");
        });
    });

    describe("a connection", () => {
        it("that breaks off in the middle is a typed error, and another one works", async () => {
            await using mine = set();
            const lost = await mine.connect(addressOf(sshd));
            const running = lost.exec("echo up; sleep 1000", { onLine: () => sshd.dropSessions() });
            const error = await failure(running);
            expect(error).to.be.instanceOf(ConnectionLost);
            expect(error.message).to.include("broke off while the command was running");
            await until(() => !lost.alive, "the connection's end");
            expect(await failure(lost.exec("true"))).to.be.instanceOf(ConnectionLost);
            expect(await failure(lost.readFile("/etc/hostname"))).to.be.instanceOf(ConnectionLost);
            expect((await (await mine.connect(addressOf(sshd))).exec("echo back")).stdout).to.equal("back\n");
            ssh = await connections.connect(addressOf(sshd));
        });

        it("that breaks off during a transfer is the same error", async () => {
            await using mine = set();
            const lost = await mine.connect(addressOf(sshd));
            const big = path.join(scratch, "huge");
            fs.writeFileSync(big, "");
            fs.truncateSync(big, 2 ** 33);
            const target = path.join(scratch, "huge-there");
            const running = lost.upload(big, target);
            await until(() => fs.existsSync(target), "the beginning");
            sshd.dropSessions();
            expect(await failure(running)).to.be.instanceOf(ConnectionLost);
            fs.rmSync(target);
            fs.rmSync(big);
            ssh = await connections.connect(addressOf(sshd));
        });

        it("is tried until the server is up, and no longer than allowed", async () => {
            await using starting = await Sshd.start();
            await starting.kill();
            await using mine = set({ login: loginOf(starting) });
            const reasons: string[] = [];
            const waiting = mine.connect(addressOf(starting), {
                readyWithin: 60_000,
                onWait: (reason) => {
                    reasons.push(reason);
                    if (reasons.length === 3) void starting.boot();
                },
            });
            expect((await (await waiting).exec("echo up")).stdout).to.equal("up\n");
            expect(reasons[0]).to.match(/nothing answers there.*ECONNREFUSED/);

            await starting.kill();
            const error = await failure(mine.connect(addressOf(starting)));
            expect(error).to.be.instanceOf(SshUnreachable);
            const later = await failure(mine.connect(addressOf(starting), { readyWithin: 1_000 }));
            expect(later.message).to.include("(tried for 1 s)");
            const cancel = new AbortController();
            const cancelled = mine.connect(addressOf(starting), {
                signal: cancel.signal,
                readyWithin: 60_000,
                onWait: () => cancel.abort(new Error("cancelled")),
            });
            expect((await failure(cancelled)).message).to.match(/cancelled|aborted/);
        });

        it("to a machine whose name is not known yet is tried again where that is told, and else is a mistake", async () => {
            await using mine = set();
            const address = { ...addressOf(sshd), host: "new-machine.invalid" };
            const reasons: string[] = [];
            const wait = { readyWithin: 1_000, onWait: (reason: string) => void reasons.push(reason) };
            const error = await failure(mine.connect(address, { ...wait, newName: true }));
            expect(error.message).to.include("(tried for 1 s)");
            expect(reasons.join()).to.include("new-machine.invalid");
        });

        it("ends in any case", async () => {
            await using frozen = await Sshd.start();
            await using mine = set({ login: loginOf(frozen) });
            const connection = await mine.connect(addressOf(frozen));
            const { stdout } = await connection.exec("echo $PPID");
            process.kill(Number(stdout), "SIGSTOP");
            const began = Date.now();
            await connection.close();
            expect(Date.now() - began).to.be.lessThan(5_000);
            await connection.close();
        });
    });

    describe("a login", () => {
        it("with a key that is not authorized is refused at once", async () => {
            const stranger = generateKey(path.join(scratch, "stranger"));
            await using mine = set({ login: { key: stranger.privateKey, from: "stranger.pem" } });
            const error = await failure(mine.connect(addressOf(sshd), { readyWithin: 60_000 }));
            expect(error).to.be.instanceOf(LoginRefused);
            expect(error.message).to.match(/refused with stranger\.pem: is the public key among/);
            expect(error.message).not.to.include(stranger.privateKey.split("\n")[1]);
        });

        for (const type of ["rsa", "ecdsa", "ed25519"]) {
            it(`works with ${type} keys, with a passphrase too`, async () => {
                const key = generateKey(path.join(scratch, `pass-${type}`), {
                    type,
                    passphrase: "open sesame",
                });
                sshd.authorize(key.publicKey);
                const login = { key: key.privateKey, passphrase: "open sesame", from: "the key" };
                await using mine = set({ login });
                expect((await (await mine.connect(addressOf(sshd))).exec("echo in")).stdout).to.equal("in\n");

                const messages: string[] = [];
                for (const passphrase of [undefined, "wrong"]) {
                    const wrong = { ...login, ...(passphrase === undefined ? {} : { passphrase }) };
                    if (passphrase === undefined) delete (wrong as { passphrase?: string }).passphrase;
                    await using other = set({ login: wrong });
                    messages.push((await failure(other.connect(addressOf(sshd)))).message);
                }
                expect(messages[0]).to.include("is protected by a passphrase: set EDGE_OS_SSH_PASSPHRASE");
                expect(messages[1]).to.include("cannot be opened with the passphrase");
            });
        }

        it("with something that is no private key says so", async () => {
            for (const [key, text] of [
                [sshd.key.publicKey, "is a public key"],
                ["hunter2-is-not-a-key", "cannot be read as a private key"],
            ] as const) {
                await using mine = set({ login: { key, from: "EDGE_OS_SSH_KEY" } });
                const { message } = await failure(mine.connect(addressOf(sshd)));
                expect(message).to.include(`the SSH key (EDGE_OS_SSH_KEY) ${text}`);
                expect(message).not.to.include("hunter2");
            }
        });

        it("works with an agent", async function () {
            needsTool(this, "ssh-agent");
            const socket = path.join(scratch, "agent");
            const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
            try {
                await until(() => fs.existsSync(socket), "the agent");
                const added = spawn("ssh-add", [sshd.key.file], {
                    env: { ...process.env, SSH_AUTH_SOCK: socket },
                    stdio: "ignore",
                });
                await once(added, "exit");
                await using mine = set({ login: { agent: socket, from: "the agent" } });
                expect((await (await mine.connect(addressOf(sshd))).exec("echo in")).stdout).to.equal("in\n");
            } finally {
                agent.kill();
            }
            await using without = set({ login: { agent: path.join(scratch, "none"), from: "the agent" } });
            expect(await failure(without.connect(addressOf(sshd)))).to.be.instanceOf(LoginRefused);
        });
    });

    describe("a host key", () => {
        it("that is pinned must be shown", async () => {
            const place = `${sshd.host}:${sshd.port}`;
            await using right = set({ hostKeys: new HostKeys({ [place]: sshd.fingerprint }) });
            await right.connect(addressOf(sshd));
            const other = `SHA256:${"A".repeat(43)}`;
            await using wrong = set({ hostKeys: new HostKeys({ [sshd.host]: other }) });
            const error = await failure(wrong.connect(addressOf(sshd), { readyWithin: 60_000 }));
            expect(error).to.be.instanceOf(HostKeyRefused);
            expect(error.message).to.include(
                `shows the host key ${sshd.fingerprint}, but ${other} is pinned`,
            );
        });

        it("that changes is refused, and is recorded on first sight", async () => {
            await using changing = await Sshd.start();
            await using mine = set({ login: loginOf(changing) });
            await mine.connect(addressOf(changing));
            const before = changing.fingerprint;
            expect(mine.hostKeys.recorded()).to.deep.equal({ [`127.0.0.1:${changing.port}`]: before });
            await changing.kill();
            changing.changeHostKey();
            await changing.boot();
            const error = await failure(mine.connect(addressOf(changing)));
            expect(error).to.be.instanceOf(HostKeyRefused);
            expect(error.message).to.include(`${changing.fingerprint}, but showed ${before} before`);
        });
    });

    describe("through a jump host", () => {
        it("many connections share one to it, and are made anew when it is lost", async () => {
            await using jump = await Sshd.start();
            jump.authorize(sshd.key.publicKey);
            await using mine = set({ jump: addressOf(jump) });
            const both = await Promise.all([mine.connect(addressOf(sshd)), mine.connect(addressOf(sshd))]);
            for (const one of both) expect((await one.exec("echo far")).stdout).to.equal("far\n");
            // sshd logs the port of the machine that connects: the jump host's, twice over one login.
            const logins = (): number => jump.log.filter((line) => line.startsWith("Accepted")).length;
            expect(logins()).to.equal(1);
            jump.dropSessions();
            await until(() => both.every(({ alive }) => !alive), "the end of both");
            expect((await (await mine.connect(addressOf(sshd))).exec("echo far")).stdout).to.equal("far\n");
            expect(logins()).to.equal(2);
        });

        it("tells whose fault it is", async () => {
            await using jump = await Sshd.start();
            jump.authorize(sshd.key.publicKey);
            await using target = await Sshd.start();
            await target.kill();
            await using mine = set({ jump: addressOf(jump) });
            expect((await failure(mine.connect(addressOf(target)))).message).to.match(
                new RegExp(
                    `SSH to .*:${target.port} through the jump host .*:${jump.port}: the jump host gets no`,
                ),
            );
            await jump.kill();
            expect((await failure(mine.connect(addressOf(sshd)))).message).to.include(`:${jump.port}`);
        });
    });
});

async function until(condition: () => boolean, what: string): Promise<void> {
    const end = Date.now() + 20_000;
    while (!condition()) {
        if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
        await sleep(10);
    }
}

function isRunning(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch {
        return false;
    }
}

/** Names, kinds, permissions and contents. */
function listing(dir: string): string[] {
    return fs
        .readdirSync(dir, { recursive: true, encoding: "utf8" })
        .sort()
        .map((name) => {
            const file = path.join(dir, name);
            const stats = fs.lstatSync(file);
            if (stats.isSymbolicLink()) return `${name} -> ${fs.readlinkSync(file)}`;
            const mode = (stats.mode & 0o7777).toString(8);
            return stats.isDirectory()
                ? `${name}/ ${mode}`
                : `${name} ${mode} ${fs.readFileSync(file).length}`;
        });
}

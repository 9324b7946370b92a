import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { EdgeError, UnavailableHere } from "../../../provider/resource/errors";
import { quote } from "../../../provider/process/quote";
import { HostKeys, parseSshAddress, readSshSettings, type SshSettings } from "../../../provider/ssh";
import { describeAddress } from "../../../provider/ssh/address";
import { BoundedText } from "../../../provider/ssh/boundedText";
import { explainConnect, LoginRefused, SshUnreachable } from "../../../provider/ssh/failure";
import { testHost } from "../../support/context";

describe("SSH addresses", () => {
    const good: [string, string][] = [
        ["ssh://ops@gate.example.com", "ops@gate.example.com"],
        ["ops@gate.example.com:2222", "ops@gate.example.com:2222"],
        ["ssh://ops@gate:22/", "ops@gate"],
        ["ssh://ops@[::1]:2222", "ops@[::1]:2222"],
        ["ops@10.0.0.7", "ops@10.0.0.7"],
        ["SSH://o%40ps@gate", "o@ps@gate"],
    ];
    for (const [text, shown] of good) {
        it(`reads ${text}`, () => expect(describeAddress(parseSshAddress(text))).to.equal(shown));
    }

    it("takes the user from elsewhere where the address has none", () => {
        expect(parseSshAddress("gate:2222", { user: "ops" })).to.deep.equal({
            host: "gate",
            port: 2222,
            user: "ops",
        });
    });

    const bad: [string, string][] = [
        ["https://ops@gate", "starts with https://"],
        ["ssh://ops:hunter2@gate", "holds a password"],
        ["gate", "names no user"],
        ["ssh://ops@gate/home", "has a path"],
        ["ops@gate:99999", "is not an SSH address"],
        ["", "names no host"],
    ];
    for (const [text, message] of bad) {
        it(`refuses ${JSON.stringify(text)}`, () => {
            expect(() => parseSshAddress(text))
                .to.throw(EdgeError, message)
                .and.to.have.property("message")
                .that.does.not.include("hunter2");
        });
    }
});

describe("SSH settings", () => {
    let dir: string;
    before(() => {
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "ssh-settings-"));
        fs.writeFileSync(path.join(dir, "id"), "PRIVATE");
    });
    after(() => fs.rmSync(dir, { recursive: true, force: true }));

    function read(
        config: Record<string, unknown>,
        env: Record<string, string> = {},
        connection?: string,
    ): SshSettings {
        return readSshSettings(testHost({ config, env, projectDir: dir }), connection);
    }

    it("take the key from the environment, else from a file, else from an agent", () => {
        const config = { "edge-os:ssh": { keyFile: "id", user: "ops" } };
        const env = { EDGE_OS_SSH_KEY: "ENV", EDGE_OS_SSH_PASSPHRASE: "sesame", SSH_AUTH_SOCK: "/run/agent" };
        expect(read(config, env).login()).to.deep.equal({
            key: "ENV",
            passphrase: "sesame",
            from: "EDGE_OS_SSH_KEY",
        });
        const fromFile = read(config, { SSH_AUTH_SOCK: "/run/agent" });
        expect(fromFile).to.deep.include({ user: "ops", hostKeys: {} });
        expect(fromFile.login()).to.deep.equal({ key: "PRIVATE", from: "id" });
        expect(read({}, { SSH_AUTH_SOCK: "/run/agent" }).login()).to.include({ agent: "/run/agent" });
        expect(read({}, { EDGE_OS_SSH_KEY_FILE: "id" }).login()).to.include({ key: "PRIVATE" });
    });

    it("of a connection win over the common ones", () => {
        const config = {
            "edge-os:ssh": { keyFile: "id", user: "common" },
            "edge-os:connections": {
                "site-2": { ssh: { keyFile: "id", user: "own", jump: "gate:2222" } },
                bare: {},
            },
        };
        expect(read(config, {}, "site-2")).to.deep.include({
            user: "own",
            jump: { host: "gate", port: 2222, user: "own" },
        });
        expect(read(config, {}, "bare").user).to.equal("common");
        const env = { EDGE_OS_SITE_2_SSH_USER: "from-env", EDGE_OS_SSH_USER: "for-all" };
        expect(read(config, env, "site-2").user).to.equal("from-env");
        expect(read(config, env, "bare").user).to.equal("for-all");
    });

    it("are only missing here when there is no key", () => {
        expect(() => read({}).login()).to.throw(UnavailableHere, /EDGE_OS_SSH_KEY.*edge-os:ssh\.keyFile/);
        expect(() => read({ "edge-os:ssh": { keyFile: "none" } }).login()).to.throw(
            UnavailableHere,
            "none cannot be read",
        );
    });

    it("that are wrong are named", () => {
        const key = { EDGE_OS_SSH_KEY: "ENV" };
        expect(() => read({ "edge-os:ssh": { keyfile: "id" } }, key)).to.throw(EdgeError, 'has no "keyfile"');
        expect(() => read({ "edge-os:ssh": "id" }, key)).to.throw(EdgeError, "edge-os:ssh must be an object");
        const connections = { "edge-os:connections": { "site-2": {} } };
        expect(() => read(connections, key, "site-3")).to.throw(EdgeError, "did you mean site-2?");
        const both = { "edge-os:connections": { "site-2": { ssh: { port: 22, user: "" } } } };
        expect(() => read(both, key, "site-2"))
            .to.throw(EdgeError, 'SSH settings (edge-os:connections["site-2"].ssh):')
            .with.property("message")
            .that.includes('has no "port"')
            .and.includes("user must have at least 1 characters");
        expect(() => read({ "edge-os:ssh": { jump: "gate" } }, key)).to.throw(
            EdgeError,
            /jump "gate" names no user/,
        );
        expect(() => read({ "edge-os:ssh": { hostKeys: { gate: "AAAA" } } }, key)).to.throw(
            EdgeError,
            /hostKeys.gate must be a fingerprint/,
        );
    });
});

describe("host keys", () => {
    const key = Buffer.from("a key");
    const other = Buffer.from("another key");

    it("are taken on first sight and must not change, each machine's for itself", () => {
        const keys = new HostKeys();
        expect(keys.fault("a", 22, key)).to.equal(undefined);
        expect(keys.fault("a", 22, key)).to.equal(undefined);
        expect(keys.fault("a", 2222, other)).to.equal(undefined);
        expect(keys.fault("a", 22, other)).to.match(/but showed SHA256:.* before/);
        expect(Object.keys(keys.recorded())).to.deep.equal(["a", "a:2222"]);
    });

    it("that are pinned may be several, with the port or without", () => {
        const right = "SHA256:xqmaEWuoOnBmtV1QQuyzCZrDpn3kxFkUgpm9bbJP9CQ";
        const keys = new HostKeys({ a: `SHA256:${"A".repeat(43)} ${right}`, "b:2222": right });
        expect(keys.fault("a", 2222, key)).to.match(/is pinned/);
        expect(() => new HostKeys({ a: "MD5:00" })).to.throw(
            EdgeError,
            "host key of a: must be a fingerprint",
        );
    });
});

describe("what SSH reports", () => {
    const explained = (fields: object, message = "x"): Error =>
        explainConnect(Object.assign(new Error(message), fields), "ops@gate", "id");

    it("is a refused login only when the server refuses it", () => {
        expect(explained({ level: "client-authentication" })).to.be.instanceOf(LoginRefused);
        expect(explained({ level: "agent" })).to.be.instanceOf(LoginRefused);
        expect(explained({ code: "ECONNREFUSED", level: "client-socket" })).to.be.instanceOf(SshUnreachable);
    });

    const passing: [object, boolean, string?][] = [
        [{ code: "ECONNREFUSED" }, true],
        [{ code: "ECONNRESET" }, true],
        [{ level: "client-timeout" }, true],
        [{}, true, "Connection lost before handshake"],
        [{ code: "ENOTFOUND" }, false],
        [{}, false, "Handshake failed: no matching key exchange algorithm"],
    ];
    for (const [fields, expected, message] of passing) {
        it(`${JSON.stringify(fields)} ${message ?? ""} is ${expected ? "" : "not "}worth another try`, () => {
            expect(explained(fields, message)).to.have.property("passing", expected);
        });
    }
});

describe("text for a shell", () => {
    it("arrives as it was", () => {
        fc.assert(
            fc.property(fc.string({ unit: "grapheme" }), (word) => {
                fc.pre(!word.includes("\0"));
                const out = execFileSync("sh", ["-c", `printf %s ${quote(word)}`], { encoding: "utf8" });
                expect(out).to.equal(Buffer.from(word).toString());
            }),
            { numRuns: 50 },
        );
    });
});

describe("a bounded text", () => {
    it("keeps all that fits, and else its beginning and end", () => {
        const chunks = fc.array(fc.string({ minLength: 0, maxLength: 9 }).map((text) => Buffer.from(text)));
        fc.assert(
            fc.property(chunks, fc.integer({ min: 0, max: 40 }), (given, most) => {
                const text = new BoundedText(most);
                for (const chunk of given) text.add(chunk);
                const whole = Buffer.concat(given);
                expect(text.truncated).to.equal(whole.length > most);
                if (!text.truncated) {
                    expect(text.toString()).to.equal(whole.toString());
                    return;
                }
                const head = whole.subarray(0, Math.ceil(most / 2));
                const tail = whole.subarray(whole.length - Math.floor(most / 2));
                const gap = `\n[… ${whole.length - most} bytes left out …]\n`;
                expect(text.toString()).to.equal(Buffer.concat([head, Buffer.from(gap), tail]).toString());
            }),
        );
    });
});

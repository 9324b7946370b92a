import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { loadStackConfig, writeEncryptionSalt } from "../../../lab/engine/config";
import { loadProject } from "../../../lab/engine/project";
import { Crypter } from "../../../lab/engine/secrets";

describe("engine configuration", () => {
    let folder: string;
    const write = (name: string, text: string): void => fs.writeFileSync(path.join(folder, name), text);
    const load = (stack = "dev") => loadStackConfig(loadProject(folder), stack, () => "x");

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "engine-config-"));
    });
    afterEach(() => fs.rmSync(folder, { recursive: true }));

    it("reads the project: runtime, program, refresh", () => {
        fs.mkdirSync(path.join(folder, "src"));
        write("Pulumi.yaml", "name: p\nruntime: nodejs\nmain: src\noptions: { refresh: always }\n");
        expect(loadProject(path.join(folder, "src"))).to.deep.include({
            name: "p",
            root: folder,
            pwd: path.join(folder, "src"),
            entry: ".",
            typescript: true,
            refreshAlways: true,
        });
        write(
            "Pulumi.yaml",
            "name: p\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.js\n",
        );
        write("index.js", "");
        expect(loadProject(folder)).to.deep.include({ pwd: folder, entry: "index.js", typescript: false });
    });

    it("says what is wrong with a project", () => {
        expect(() => loadProject(folder)).to.throw("there is no Pulumi.yaml");
        write("Pulumi.yaml", "name: p\nruntime: python\n");
        expect(() => loadProject(folder)).to.throw(
            'runtime "python" is not supported by the embedded engine',
        );
        write("Pulumi.yaml", "runtime: nodejs\n");
        expect(() => loadProject(folder)).to.throw('"name" is missing');
        write("Pulumi.yaml", "name: [\n");
        expect(() => loadProject(folder)).to.throw("is not valid YAML");
        write("Pulumi.yaml", "name: p\nruntime: nodejs\nmain: nowhere\n");
        expect(() => loadProject(folder)).to.throw('"main" is nowhere, which does not exist');
    });

    it("puts the stack's values over the project's, as texts under full keys", () => {
        write(
            "Pulumi.yaml",
            "name: p\nruntime: nodejs\nconfig:\n  a: one\n  b: { type: integer, default: 5 }\n  c: { value: { x: 1 } }\n  d: { type: string }\n",
        );
        write(
            "Pulumi.dev.yaml",
            "config:\n  p:a: two\n  other:flag: true\n  edge-os:emf: { endpoint: http://localhost }\n",
        );
        expect(load().values).to.deep.equal({
            "p:a": "two",
            "p:b": "5",
            "p:c": '{"x":1}',
            "other:flag": "true",
            "edge-os:emf": '{"endpoint":"http://localhost"}',
        });
        expect(load("none").values).to.deep.equal({ "p:a": "one", "p:b": "5", "p:c": '{"x":1}' });
    });

    it("decrypts secure values at any depth and names their keys", () => {
        const crypter = Crypter.create("x");
        write("Pulumi.yaml", "name: p\nruntime: nodejs\n");
        write(
            "Pulumi.dev.yaml",
            `encryptionsalt: ${crypter.salt}\nconfig:\n  p:token: { secure: "${crypter.encrypt("t")}" }\n` +
                `  p:object: { list: [{ secure: "${crypter.encrypt("deep")}" }], plain: 1 }\n  p:plain: a\n`,
        );
        const config = load();
        expect(config.values).to.deep.equal({
            "p:token": "t",
            "p:object": '{"list":["deep"],"plain":1}',
            "p:plain": "a",
        });
        expect(config.secretKeys).to.deep.equal(["p:token", "p:object"]);
        write("Pulumi.dev.yaml", `config:\n  p:token: { secure: "${crypter.encrypt("t")}" }\n`);
        expect(() => load()).to.throw('holds secrets but no "encryptionsalt"');
    });

    it("refuses other secrets providers", () => {
        write("Pulumi.yaml", "name: p\nruntime: nodejs\n");
        write("Pulumi.dev.yaml", "secretsprovider: awskms://alias/key\n");
        expect(() => load()).to.throw('secrets provider "awskms"');
    });

    it("writes the salt and leaves the rest of the file alone", () => {
        write("Pulumi.dev.yaml", "# ours\nconfig:\n  p:a: 'one' # why\n\n  p:b: { x: [1, 2] }\n");
        const file = path.join(folder, "Pulumi.dev.yaml");
        writeEncryptionSalt(file, "v1:abc=:v1:n:c==");
        expect(fs.readFileSync(file, "utf8")).to.equal(
            "# ours\nconfig:\n  p:a: 'one' # why\n\n  p:b: { x: [1, 2] }\nencryptionsalt: v1:abc=:v1:n:c==\n",
        );
        write("Pulumi.json.yaml", '{ "config": { "p:a": 1 } }');
        writeEncryptionSalt(path.join(folder, "Pulumi.json.yaml"), "v1:a:b");
        expect(parse(fs.readFileSync(path.join(folder, "Pulumi.json.yaml"), "utf8"))).to.deep.equal({
            config: { "p:a": 1 },
            encryptionsalt: "v1:a:b",
        });
        const fresh = path.join(folder, "Pulumi.new.yaml");
        writeEncryptionSalt(fresh, "v1:a:b");
        expect(fs.readFileSync(fresh, "utf8")).to.equal("encryptionsalt: v1:a:b\n");
    });
});

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { UsageError, parseWords, type ExitCode } from "../../../cli/command";
import { runCommandLine } from "../../../cli/main";
import { readStackConfig } from "../../../cli/stackConfig";
import { formatTable, tally } from "../../../cli/table";

interface Run {
    code: ExitCode;
    out: string;
    err: string;
}

async function run(words: string[], cwd = process.cwd()): Promise<Run> {
    const texts = { out: "", err: "" };
    const code = await runCommandLine(words, {
        out: (text) => void (texts.out += text),
        err: (text) => void (texts.err += text),
        env: {},
        cwd,
        readInput: async () => "",
    });
    return { code, ...texts };
}

const COMMANDS = [
    ...["emf csv check", "emf profile check", "emf inventory", "emf generate"],
    ...["ims jobs", "ims images", "verify", "diff", "fit", "explain", "prune"],
];

describe("edge-os", () => {
    let folder: string;
    beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-cli-"))));
    afterEach(() => fs.rmSync(folder, { recursive: true }));

    for (const command of COMMANDS) {
        it(`tells how ${command} is used`, async () => {
            const { code, out, err } = await run([...command.split(" "), "--help"]);
            expect({ code, err }).to.deep.equal({ code: 0, err: "" });
            expect(out).to.match(new RegExp(`^usage: edge-os ${command}`));
            for (const line of out.split("\n")) expect(line.length, line).to.be.at.most(120);
        });

        it(`takes no unknown option of ${command}`, async () => {
            const { code, out, err } = await run([...command.split(" "), "--bogus"]);
            expect({ code, out }).to.deep.equal({ code: 2, out: "" });
            expect(err).to.match(/^edge-os .*Unknown option '--bogus'; see edge-os .* --help\n$/);
        });
    }

    const table: [words: string[], code: ExitCode, said: RegExp][] = [
        [["--help"], 0, /^usage: edge-os COMMAND/],
        [[], 2, /^usage: edge-os COMMAND/],
        [["--version"], 0, /^edge-os \d+\.\d+\.\d+\n$/],
        [["emf", "check"], 2, /there is no command "emf check"/],
        [["emf", "csv", "check"], 2, /FILE is missing/],
        [["emf", "csv", "check", "a", "b"], 2, /"b" is one word too many/],
        [["emf", "csv", "check", "nosuch.csv"], 1, /there is no file nosuch\.csv/],
        [["emf", "profile", "check", "nosuch.yaml"], 1, /nosuch\.yaml cannot be read/],
        [["emf", "inventory"], 1, /endpoint is missing: edge-os:emf\.endpoint or EDGE_OS_EMF_ENDPOINT/],
        [["emf", "inventory", "--connection", "east"], 1, /EDGE_OS_EAST_EMF_ENDPOINT/],
        [["prune", "--yes"], 2, /--yes needs --state/],
        [["prune", "--stack", "dev"], 2, /--project and --stack belong together/],
        [["explain"], 2, /TEXT is missing/],
        [["explain", "Onboarding", "Failed"], 0, /60 minutes/],
        [["explain", "Onbording Failed"], 1, /did you mean "Onboarding Failed"\?/],
        [["explain", "SN00001"], 1, /EDGE_OS_EMF_ENDPOINT/],
    ];
    for (const [words, code, said] of table) {
        it(`answers ${JSON.stringify(words.join(" "))}`, async () => {
            const { code: is, out, err } = await run(words, folder);
            expect(out + err).to.match(said);
            expect(is).to.equal(code);
            expect(err).to.not.match(/\n\s+at /);
        });
    }

    it("reads the open part of a stack's configuration", () => {
        fs.writeFileSync(
            path.join(folder, "Pulumi.prod.yaml"),
            "encryptionsalt: v1:x\nconfig:\n  edge-os:owner: me\n  edge-os:emf:\n    endpoint: https://api.example.com\n" +
                "    password: { secure: v1:abc }\n  edge-os:connections: { secure: v1:def }\n  n: 3\n",
        );
        const config = readStackConfig("Pulumi.prod.yaml", folder);
        expect([...config.values]).to.deep.equal([
            ["edge-os:owner", "me"],
            ["edge-os:emf", '{"endpoint":"https://api.example.com"}'],
            ["n", "3"],
        ]);
        expect(config.encrypted).to.deep.equal(["edge-os:emf.password", "edge-os:connections"]);
        expect(config.folder).to.equal(folder);
    });

    it("says which setting is encrypted", async () => {
        fs.writeFileSync(
            path.join(folder, "Pulumi.prod.yaml"),
            "config:\n  edge-os:emf:\n    endpoint: https://api.example.com\n    project: p\n    username: u\n    password: { secure: v1:abc }\n",
        );
        const { code, err } = await run(["emf", "inventory", "--config", "Pulumi.prod.yaml"], folder);
        expect(code).to.equal(1);
        expect(err).to.include("edge-os:emf.password in Pulumi.prod.yaml is encrypted");
    });

    for (const [what, text, said] of [
        ["no YAML", "a: [", /cannot be read/],
        ["no configuration", "- a\n", /is no stack's configuration/],
    ] as const) {
        it(`refuses a stack's file that is ${what}`, () => {
            fs.writeFileSync(path.join(folder, "x.yaml"), text);
            expect(() => readStackConfig("x.yaml", folder)).to.throw(said);
        });
    }
});

describe("words of a command line", () => {
    it("become flags and given words", () => {
        const { flags, given } = parseWords(["a", "--json"], { json: { type: "boolean" } }, ["FILE"]);
        expect(given.FILE).to.equal("a");
        expect(flags.json).to.equal(true);
    });

    it("that are missing are named", () => {
        expect(() => parseWords([], {}, ["FILE"])).to.throw(UsageError, "FILE is missing");
    });
});

describe("tables", () => {
    it("have columns as wide as their widest cell, and no blanks at the end", () => {
        expect(
            formatTable(
                ["A", "B"],
                [
                    ["long", "x"],
                    ["s", ""],
                ],
            ),
        ).to.equal("A     B\nlong  x\ns");
    });

    it("count values, the most frequent first", () => {
        expect(tally(["b", "a", "b", "c"])).to.deep.equal([
            ["b", 2],
            ["a", 1],
            ["c", 1],
        ]);
    });
});

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { spawnSync } from "node:child_process";
import { expect } from "chai";
import * as fc from "fast-check";
import { argNameProblem, argValueProblem, readArgFile, writeArgFile } from "../../../provider/canvos/argFile";

describe("canvos: the .arg file", () => {
    let folder: string;

    before(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), "arg-file-"))));
    after(() => {
        fs.rmSync(folder, { recursive: true });
    });

    /** What a real bash has after sourcing the text, without any program within its reach. */
    function sourced(text: string, names: readonly string[]): string[] {
        const file = path.join(folder, ".arg");
        fs.writeFileSync(file, text);
        const script = `source "$0"; for name; do printf '%s\\0' "\${!name}"; done; PATH=/bin:/usr/bin; ls -A .`;
        const result = spawnSync("/bin/bash", ["-c", script, file, ...names], {
            cwd: folder,
            env: { PATH: "/nonexistent", LC_ALL: "C.UTF-8", HOME: "/home/somebody" },
            encoding: "utf8",
        });
        expect(result.stderr).to.equal("");
        const parts = result.stdout.split("\0");
        expect(parts.pop(), "files in the folder afterwards").to.equal(".arg\n");
        return parts;
    }

    it("is written so that bash and Earthly read every value alike, or refuses the value", () => {
        const traps = [
            "'",
            '"',
            "$",
            "`",
            "\\",
            "#",
            " ",
            "\t",
            "\n",
            "\r",
            "~",
            ":",
            "=",
            ";",
            "&",
            "!",
            "*",
            "{a,b}",
        ];
        const value = fc.oneof(
            fc.string({ unit: fc.constantFrom(...traps, "a", "B", "é", "\u00a0", "(", ")"), maxLength: 8 }),
            fc.string({ unit: "grapheme", maxLength: 12 }),
        );
        fc.assert(
            fc.property(fc.array(value, { minLength: 30, maxLength: 30 }), (values) => {
                const good = values.filter((text) => argValueProblem(text) === undefined);
                for (const text of values.filter((each) => !good.includes(each))) {
                    expect(() => writeArgFile({ A: text })).to.throw(/^the .arg file cannot be written: A /);
                }
                const variables = Object.fromEntries(good.map((text, i) => [`V${i}`, text]));
                const written = writeArgFile(variables);
                const read = readArgFile(written);
                expect(read.problems).to.deep.equal([]);
                expect(Object.fromEntries(read.variables)).to.deep.equal(variables);
                expect(sourced(written, Object.keys(variables))).to.deep.equal(good);
            }),
            { numRuns: 40 },
        );
    });

    it("is read as bash reads it, line by line, or the line is a problem", () => {
        const pieces = [
            "A=",
            "B=",
            "export ",
            "x",
            "y",
            " ",
            "'",
            '"',
            "\\",
            "#",
            "$A",
            "${B}",
            "$",
            "`",
            "~",
            ":",
            ";",
            "(",
        ];
        const line = fc.tuple(
            fc.constantFrom("A=", "B=", "export A=", " B=", "#", ""),
            fc.string({ unit: fc.constantFrom(...pieces), maxLength: 7 }),
        );
        fc.assert(
            fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
                const good: string[] = [];
                for (const each of lines.map((parts) => parts.join(""))) {
                    if (readArgFile([...good, each].join("\n")).problems.length === 0) good.push(each);
                }
                const { variables } = readArgFile(good.join("\n"));
                expect(sourced(good.join("\n"), [...variables.keys()])).to.deep.equal([
                    ...variables.values(),
                ]);
            }),
            { numRuns: 60 },
        );
    });

    it("reads the template of a release, with its comments, quotes and references", () => {
        const text = [
            "CUSTOM_TAG=demo",
            "OS_DISTRIBUTION=ubuntu",
            "IMAGE_REPO=$OS_DISTRIBUTION",
            "HTTPS_PROXY=",
            "",
            '# MY_ORG="ACME Corporation"',
            'MY_ORG="ACME Corporation"   # as in the certificates',
            "export DRBD_VERSION=9.2.13  # for Piraeus",
            "CLUSTERCONFIG=spc.tgz#1",
        ].join("\n");
        const { variables, problems } = readArgFile(text);
        expect(problems).to.deep.equal([]);
        expect(Object.fromEntries(variables)).to.deep.equal({
            CUSTOM_TAG: "demo",
            OS_DISTRIBUTION: "ubuntu",
            IMAGE_REPO: "ubuntu",
            HTTPS_PROXY: "",
            MY_ORG: "ACME Corporation",
            DRBD_VERSION: "9.2.13",
            CLUSTERCONFIG: "spc.tgz#1",
        });
    });

    const differences: [line: string, problem: string][] = [
        ["touch owned", "is not NAME=value"],
        ["A=x touch owned", "has a blank outside quotes"],
        ["A=$(touch owned)", "other than $NAME"],
        ["A=`touch owned`", "other than $NAME"],
        ["A=x;touch owned", "has ; outside quotes"],
        ["A=$HOME", "refers to HOME, which is not set above it"],
        ["A=~/iso", "home folder"],
        ["A=a\\ b", "one value in earthly.sh and another in Earthly"],
        ["A='a\\'", "does not see closed"],
        ['A="a\\nb"', "one value in earthly.sh"],
        ["A='it'\\''s'", "goes on after the closing '"],
        ["A='x'y", "goes on after the closing '"],
        ["A=x\r", "carriage return"],
        ['A="two', "not closed on its line"],
        ["A=x\\", "joins it with the next line"],
        ["A=x\u00a0", "one value in earthly.sh"],
        ["A = x", "is not NAME=value"],
        ["A: x", "is not NAME=value"],
    ];
    for (const [line, problem] of differences) {
        it(`finds fault with ${JSON.stringify(line)}`, () => {
            const { variables, problems } = readArgFile(`Z=1\n${line}`);
            expect(problems).to.have.lengthOf(1);
            expect(problems[0]).to.have.property("line", 2);
            expect(problems[0]?.message).to.contain(problem);
            expect([...variables.keys()]).to.deep.equal(["Z"]);
        });
    }

    it("takes no variable that changes what runs on the host", () => {
        for (const name of ["PATH", "LD_PRELOAD", "BASH_ENV", "DOCKER_HOST", "IFS", "a", "1A", "A B"]) {
            expect(argNameProblem(name), name).to.be.a("string");
        }
        for (const name of ["CUSTOM_TAG", "EARTHLY_VERSION", "CUSTOM_ARG_BRAND", "HOMEPAGE"]) {
            expect(argNameProblem(name), name).to.equal(undefined);
        }
    });

    it("names every variable that cannot be written, and no value", () => {
        expect(() => writeArgFile({ A: "se$cret", B: "b", C: "sec\nret" })).to.throw(
            /A has \$.*; C has a line break/,
        );
        expect(() => writeArgFile({ A: "se$cret" })).to.not.throw(/se\$cret/);
    });
});

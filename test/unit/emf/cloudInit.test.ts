import { expect } from "chai";
import fc from "fast-check";
import * as yaml from "yaml";
import { cloudInitProblems } from "../../../provider/emf/cloudInit";

describe("the content of a custom config", () => {
    const accepted: Record<string, string> = {
        "a cloud-config": "#cloud-config\nntp:\n  servers: [ntp.example.com]\n",
        "one with Windows line ends": "#cloud-config\r\nntp: {}\r\n",
        "a jinja template of one, which is YAML only on the host":
            "## template: jinja\n#cloud-config\n{% if v1.region %}\nruncmd: [a]\n{% endif %}\n",
        "an archive": "#cloud-config-archive\n- type: text/cloud-config\n  content: |\n    a: 1\n",
        "a script": "#!/bin/sh\necho {{{ not: yaml\n",
        "a list of URLs": "#include\nhttps://example.com/a\n",
        "a boothook": "#cloud-boothook\n#!/bin/sh\ntrue\n",
        "a MIME archive": 'Content-Type: multipart/mixed; boundary="=="\nMIME-Version: 1.0\n\n--==\n',
        "what YAML 1.1 writes": "#cloud-config\npackage_update: yes\nsize: 0o17\n",
        "other scripts and signs": "#cloud-config\nmotd: Grüße, 你好 ✓\n",
    };
    for (const [what, text] of Object.entries(accepted)) {
        it(`may be ${what}`, () => {
            expect(cloudInitProblems(text)).to.deep.equal([]);
        });
    }

    const refused: [what: string, text: string, says: string][] = [
        ["nothing", " \n", "must not be empty"],
        ["plain text", "ntp: {}\n", "must begin with the line #cloud-config"],
        ["a comment above the header", "# ours\n#cloud-config\na: 1\n", "must begin with the line"],
        ["a template of plain text", "## template: jinja\nhello\n", "must begin with the line"],
        ["a misspelt header", "#cloud_config\na: 1\n", "must begin with the line"],
        ["bad YAML", "#cloud-config\na: [1\nb: 2\n", "line 3, column 1: not valid YAML (BAD"],
        ["a key twice", "#cloud-config\na: 1\nb: 1\na: 2\n", "line 4, column 1: a key is given twice"],
        ["an alias of nothing", "#cloud-config\na: *b\n", "line 2, column 4: an alias"],
        ["a list", "#cloud-config\n- a\n", "must be a map below"],
        ["a header alone", "#cloud-config\n# later\n", "has nothing below"],
        ["a byte order mark", "\uFEFF#cloud-config\na: 1\n", "byte order mark"],
        ["a zero-width blank", "#cloud-config\na: x\u200by\n", "U+200B in line 2"],
        ["a control character", "#cloud-config\na: x\u0007\n", "U+0007 in line 2"],
        ["too much", `#cloud-config\na: ${"x".repeat(16_384)}\n`, "has 16402 characters, EMF takes 16384"],
    ];
    for (const [what, text, says] of refused) {
        it(`may not be ${what}`, () => {
            expect(cloudInitProblems(text).join("\n")).to.contain(says);
        });
    }

    it("is taken whatever map it is", () => {
        const item = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9 ]*$/), fc.integer(), fc.boolean());
        const value = fc.oneof(item, fc.array(item));
        fc.assert(
            fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,9}$/), value, { minKeys: 1 }), (map) => {
                expect(cloudInitProblems(`#cloud-config\n${yaml.stringify(map)}`)).to.deep.equal([]);
            }),
        );
    });

    it("is never repeated in what is said about it", () => {
        const secret = fc.stringMatching(/^[A-Za-z0-9]{12,20}$/);
        const broken = fc.constantFrom(
            (s: string) => `#cloud-config\npassword: ${s}\npassword: ${s}\n`,
            (s: string) => `#cloud-config\npassword: [${s}\n`,
            (s: string) => `#cloud-config\na: *${s}\n`,
            (s: string) => `#cloud-config\na: !${s} 1\nb: "${s}\n`,
            (s: string) => `#cloud-config\n%${s}\n---\n- ${s}`,
            (s: string) => `#${s}\n`,
            (s: string) => `#cloud-config\na: ${s}\u200b\n`,
            (s: string) => `#cloud-config\n${s}`,
            (s: string) => `#cloud-config\na:\n\t${s}: 1\n`,
        );
        fc.assert(
            fc.property(secret, broken, (text, form) => {
                const problems = cloudInitProblems(form(text));
                expect(problems).not.to.deep.equal([]);
                expect(problems.join("\n")).not.to.contain(text);
            }),
        );
    });
});

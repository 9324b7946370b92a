import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { duration } from "../../../provider/pulumi/duration";
import { fromWire, toWire } from "../../../provider/pulumi/wire";
import { UNKNOWN } from "../../../provider/resource/unknown";

describe("the wire form", () => {
    const sentinels = [
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    ];

    for (const sentinel of sentinels) {
        it(`knows ${sentinel} as unknown at any depth`, () => {
            expect(fromWire({ a: [{ b: sentinel }], __ctx: 1 })).to.deep.equal({ a: [{ b: UNKNOWN }] });
        });
    }

    it("drops undefined and refuses what Pulumi's state cannot hold", () => {
        expect(toWire({ a: undefined, b: [undefined, UNKNOWN] })).to.deep.equal({ b: [null, sentinels[0]] });
        expect(() => toWire({ when: new Date() })).to.throw("a Date cannot be stored");
        expect(() => toWire({ big: 1n })).to.throw("a bigint cannot be stored");
    });
});

describe("durations of customTimeouts", () => {
    const cases: [string | undefined, number | undefined][] = [
        ["90s", 90_000],
        ["1h30m", 5_400_000],
        ["1.5m", 90_000],
        ["250ms", 250],
        ["", undefined],
        ["soon", undefined],
        [undefined, undefined],
    ];
    for (const [text, expected] of cases) {
        it(`reads ${JSON.stringify(text)}`, () => expect(duration(text)).to.equal(expected));
    }
});

describe("importing the package", () => {
    it("loads no schema, HTTP, image or cloud library in the program", () => {
        const root = path.resolve(__dirname, "../../..");
        const script =
            'require("pulumi-edge-os"); process.stdout.write(Object.keys(require.cache).join("\\n"))';
        const loaded = execFileSync(process.execPath, ["-e", script], { cwd: root, encoding: "utf8" });
        for (const library of [
            "zod",
            "undici",
            "balena-image-fs",
            "ajv",
            "@peculiar/x509",
            "ssh2",
            "@aws-sdk/client-s3",
        ]) {
            expect(loaded).not.to.contain(`node_modules/${library}/`);
        }
    });
});

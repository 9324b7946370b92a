import { spawnSync } from "node:child_process";
import { expect } from "chai";
import * as fc from "fast-check";
import { compareDebVersions } from "../../../../provider/image/root/debVersion";
import { parseConstraint, satisfies, versionOrder } from "../../../../provider/image/root/packages";
import { compareRpmVersions, rpmvercmp } from "../../../../provider/image/root/rpmVersion";
import { needsTool } from "../../../support/tools";

const CASES = 400;

describe("the order of package versions", () => {
    it("is dpkg's", function () {
        needsTool(this, "dpkg");
        const pairs = fc.sample(fc.tuple(debVersion(), debVersion()), { numRuns: CASES, seed: 5 });
        // Versions that differ little are the ones that go wrong.
        const near = fc.sample(
            fc.tuple(debVersion(), fc.constantFrom("~", "~rc1", "+b1", "-0", "-1", ".0", "a", "0")),
            { numRuns: CASES, seed: 6 },
        );
        const all = [
            ...pairs,
            ...near.map(([one, more]): [string, string] => [one, one + more]),
            ["1:1.0-1", "2.0-1"] as [string, string],
            ["1.0", "1.0-0"] as [string, string],
            ["1.0-1", "1.0-1+b1"] as [string, string],
            ["09.1", "9.01"] as [string, string],
        ];
        const script =
            'while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo -1; elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi; done 2>/dev/null';
        const oracle = linesOf("sh", ["-c", script], all.map((pair) => pair.join(" ")).join("\n") + "\n");
        all.forEach(([a, b], at) => {
            expect(Math.sign(compareDebVersions(a, b)), `${a} and ${b}`).to.equal(Number(oracle[at]));
            expect(Math.sign(compareDebVersions(b, a)), `${b} and ${a}`).to.equal(-Number(oracle[at]) + 0);
        });
    });

    it("is rpm's", function () {
        needsTool(this, "rpm");
        const part = fc.stringMatching(/^[0-9a-zA-Z][0-9a-zA-Z.+_~^]{0,9}$/);
        const near = fc.constantFrom("~", "~rc1", "^", "^git1", ".0", "a", "0", ".");
        const all = [
            ...fc.sample(fc.tuple(part, part), { numRuns: CASES, seed: 7 }),
            ...fc
                .sample(fc.tuple(part, near), { numRuns: CASES, seed: 8 })
                .map(([one, more]): [string, string] => [one, one + more]),
        ];
        const calls = all.map(([a, b]) => `print(rpm.vercmp("${a}", "${b}") .. "\\n")`).join(" ");
        const oracle = linesOf("rpm", ["--eval", `%{lua: ${calls}}`]);
        all.forEach(([a, b], at) => {
            expect(rpmvercmp(a, b), `${a} and ${b}`).to.equal(Number(oracle[at]));
            expect(rpmvercmp(b, a), `${b} and ${a}`).to.equal(-Number(oracle[at]) + 0);
        });
    });

    it("takes an rpm version without release for any release of it", () => {
        expect(compareRpmVersions("1.2-3.el9", "1.2")).to.equal(0);
        expect(compareRpmVersions("1:1.2-3", "2.0")).to.be.greaterThan(0);
        expect(compareRpmVersions("1.2-3", "1.2-10")).to.be.lessThan(0);
    });

    it("decides constraints, each in the order of its package manager", () => {
        const dpkg = versionOrder("dpkg");
        const meets = (version: string, text: string, order = dpkg): boolean =>
            satisfies(version, parseConstraint(text) ?? [], order);
        expect(meets("24.1.3-0ubuntu3.3", ">= 23.1, < 25")).to.equal(true);
        expect(meets("25.1", ">= 23.1, < 25")).to.equal(false);
        expect(meets("1.0~rc1", ">= 1.0")).to.equal(false);
        expect(meets("1.0", "!= 1.0")).to.equal(false);
        expect(meets("1.2-3.emt3", "= 1.2", versionOrder("rpm"))).to.equal(true);
        expect(meets("1.2-3", "= 1.2")).to.equal(false);
        for (const text of ["", "newer", ">=", ">= 1 2", "1.0", "=> 1"])
            expect(parseConstraint(text)).to.equal(undefined);
    });

    it("gives a verdict on any text", () => {
        fc.assert(
            fc.property(fc.string({ maxLength: 40 }), fc.string({ maxLength: 40 }), (a, b) => {
                for (const order of [compareDebVersions, rpmvercmp, compareRpmVersions]) {
                    expect(Math.sign(order(a, b)) + Math.sign(order(b, a))).to.equal(0);
                    expect(order(a, a)).to.equal(0);
                }
            }),
            { numRuns: 2000 },
        );
    });
});

function debVersion(): fc.Arbitrary<string> {
    return fc
        .tuple(
            fc.constantFrom("", "0:", "1:"),
            fc.stringMatching(/^[0-9][0-9a-z.+~]{0,8}$/),
            fc.option(fc.stringMatching(/^[0-9a-z+.~]{1,4}$/), { nil: undefined }),
        )
        .map(
            ([epoch, upstream, revision]) =>
                epoch + upstream + (revision === undefined ? "" : `-${revision}`),
        );
}

function linesOf(program: string, args: string[], input?: string): string[] {
    const { stdout } = spawnSync(program, args, { input, encoding: "utf8" });
    return stdout.trim().split("\n");
}

import { expect } from "chai";
import { normaliseUrns, verifyIntegrity } from "../../../lab/engine/deploymentFile";
import type { ResourceState } from "../../../lab/engine/resource";
import { displayType, makeUrn, nameOf, typeOf, withParent } from "../../../lab/engine/urn";

const row = (urn: string, fields: Partial<ResourceState> = {}): ResourceState => ({
    urn,
    type: typeOf(urn),
    custom: true,
    inputs: {},
    outputs: {},
    ...fields,
});
const STACK = "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s";
const A = "urn:pulumi:s::p::a:b:C::a";

describe("engine state file", () => {
    it("makes URNs as the CLI does", () => {
        const where = { stack: "s", project: "p" };
        expect(makeUrn(where, STACK, "a:b:C", "a")).to.equal(A);
        expect(makeUrn(where, A, "t", "x::y")).to.equal("urn:pulumi:s::p::a:b:C$t::x::y");
        expect(nameOf("urn:pulumi:s::p::t::x::y")).to.equal("x::y");
        expect(withParent("urn:pulumi:s::p::old$t::x::y", STACK)).to.equal("urn:pulumi:s::p::t::x::y");
    });

    it("shortens only the types that the CLI shortens", () => {
        expect(displayType("pulumi-nodejs:dynamic/t:T")).to.equal("pulumi-nodejs:dynamic:T");
        expect(displayType("aws:s3/bucket:Bucket")).to.equal("aws:s3:Bucket");
        expect(displayType("aws:a/b/edgeHost:EdgeHost")).to.equal("aws:a/b:EdgeHost");
        for (const same of [
            "pulumi-nodejs:dynamic/edge-os/emf:EdgeHost",
            "edge-os:index:Fleet",
            "pulumi:pulumi:Stack",
        ]) {
            expect(displayType(same)).to.equal(same);
        }
    });

    it("rewrites all references to a renamed resource, and the URNs of its children", () => {
        const old = "urn:pulumi:s::p::a:b:C::old";
        const child = "urn:pulumi:s::p::a:b:D$t::kid";
        const [renamed, kid, user] = normaliseUrns([
            row(A, { aliases: [old] }),
            row(child, { parent: old, provider: `${old}::1` }),
            row("urn:pulumi:s::p::t::user", {
                dependencies: [old, child],
                propertyDependencies: { x: [old] },
                deletedWith: old,
                replaceWith: [old],
            }),
        ]);
        const newChild = "urn:pulumi:s::p::a:b:C$t::kid";
        expect(renamed).to.not.have.property("aliases");
        expect(kid).to.deep.include({ urn: newChild, parent: A, provider: `${A}::1` });
        expect(user).to.deep.include({
            dependencies: [A, newChild],
            propertyDependencies: { x: [A] },
            deletedWith: A,
            replaceWith: [A],
        });
    });

    const broken: [string, ResourceState[], string][] = [
        ["a parent after its child", [row("urn:b", { parent: A }), row(A)], "which it refers to"],
        ["a missing dependency", [row("urn:b", { dependencies: [A] })], "which it refers to"],
        [
            "a missing property dependency",
            [row("urn:b", { propertyDependencies: { x: [A] } })],
            "which it refers to",
        ],
        ["a missing provider", [row("urn:b", { provider: "urn:p::1" })], "its provider urn:p::1"],
        ["a URN twice", [row(A), row(A)], "twice"],
    ];
    for (const [what, rows, message] of broken) {
        it(`does not write ${what}`, () => expect(() => verifyIntegrity(rows)).to.throw(message));
    }

    it("writes a replaced row beside its replacement", () => {
        verifyIntegrity([row(A), row(A, { delete: true }), row("urn:b", { dependencies: [A] })]);
    });
});

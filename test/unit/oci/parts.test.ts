import { expect } from "chai";
import * as fc from "fast-check";
import { parseChallenge } from "../../../provider/oci/auth";
import { readManifest } from "../../../provider/oci/manifest";
import { formatReference, parseReference } from "../../../provider/oci/reference";

describe("references to registries", () => {
    const digest = `sha256:${"ab".repeat(32)}`;

    it("are read as they are written", () => {
        for (const text of [
            "oci://registry.example.com/edge/ubuntu",
            "oci://registry.example.com:5000/edge/ubuntu:24.04",
            `oci://127.0.0.1:5000/a@${digest}`,
            `oci://[::1]:5000/a__b/c-d.e:T_1@${digest}`,
        ]) {
            const read = parseReference(text);
            expect(read && formatReference(read)).to.equal(text);
        }
        expect(parseReference("oci://r.example:5000/edge/ubuntu:24.04")).to.deep.equal({
            ...{ registry: "r.example:5000", repository: "edge/ubuntu", tag: "24.04" },
        });
    });

    it("are refused when they are of another form", () => {
        for (const text of [
            "registry.example.com/edge",
            "oci://registry.example.com",
            "oci://registry.example.com/Edge",
            "oci://registry.example.com/edge:",
            "oci://user:secret@registry.example.com/edge",
            "oci://registry.example.com/edge@sha256:12",
            "oci://registry.example.com/edge/../other",
            "oci://registry.example.com//edge",
            "oci://registry.example.com/edge?x=1",
        ]) {
            expect(parseReference(text), text).to.equal(undefined);
        }
    });

    it("never lead elsewhere than they say, whatever they are", () => {
        const part = fc.stringMatching(/^[a-zA-Z0-9:/@._?#%-]{0,30}$/);
        fc.assert(
            fc.property(part, part, (host, path) => {
                const read = parseReference(`oci://${host}/${path}`);
                if (!read) return;
                const url = new URL(`https://${read.registry}/v2/${read.repository}/manifests/x`);
                expect(url.pathname).to.equal(`/v2/${read.repository}/manifests/x`);
                expect(url.username + url.search + url.hash).to.equal("");
            }),
        );
    });
});

describe("challenges of registries", () => {
    it("are read in the forms they come in", () => {
        const bearer =
            'Bearer realm="https://auth.example.com/token",service="a, b",scope="repository:a:pull"';
        expect(parseChallenge(bearer)).to.deep.equal({
            scheme: "bearer",
            parameters: {
                realm: "https://auth.example.com/token",
                service: "a, b",
                scope: "repository:a:pull",
            },
        });
        expect(parseChallenge('BASIC realm="x \\"y\\""')).to.deep.equal({
            scheme: "basic",
            parameters: { realm: 'x "y"' },
        });
        expect(parseChallenge("Negotiate")).to.equal(undefined);
        expect(parseChallenge(undefined)).to.equal(undefined);
    });
});

describe("manifests of registries", () => {
    it("are read without trust in their fields", () => {
        fc.assert(
            fc.property(fc.json(), (text) => {
                const read = readManifest({ mediaType: "x", bytes: Buffer.from(text) });
                for (const { size } of read?.layers ?? []) expect(size).to.be.at.least(0);
            }),
        );
        const odd = {
            layers: [{ mediaType: "a", digest: "sha256:x", size: 1 }, { digest: 3 }],
            annotations: { a: 1 },
        };
        expect(readManifest({ mediaType: "x", bytes: Buffer.from(JSON.stringify(odd)) })).to.deep.equal({
            ...{ layers: [], manifests: [], annotations: {} },
        });
        expect(readManifest({ mediaType: "x", bytes: Buffer.from("{") })).to.equal(undefined);
    });
});

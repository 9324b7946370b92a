import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { expect } from "chai";
import { certificateText, readCertificates } from "../../../../provider/image/efi/enrolled";
import { type Identity, issue, pemOf } from "../../../support/efi/authority";
import { temporaryFolder } from "../fixtures";

describe("the certificates a user enrols", () => {
    const folder = temporaryFolder();
    let one: Identity;
    let other: Identity;

    before(() => {
        one = issue("One", { ca: true });
        other = issue("Other", { issuer: one });
    });

    const names = (text: string): string[] => readCertificates(text).certificates.map(({ name }) => name);

    it("are PEM of one or more, with text around them, or base64 of DER", () => {
        expect(names(pemOf(one.certificate))).to.deep.equal(["CN=One"]);
        expect(names(`# keys\n${pemOf(one.certificate)}\n${pemOf(other.certificate)}`)).to.deep.equal([
            "CN=One",
            "CN=Other",
        ]);
        expect(names(pemOf(one.certificate).replaceAll("\n", "\r\n"))).to.deep.equal(["CN=One"]);
        expect(names(one.certificate.toString("base64"))).to.deep.equal(["CN=One"]);
    });

    it("come from files of either form", () => {
        fs.writeFileSync(folder.path("one.pem"), pemOf(one.certificate));
        fs.writeFileSync(folder.path("one.der"), one.certificate);
        for (const file of ["one.pem", "one.der"]) {
            expect(names(certificateText(file, folder.path()) ?? "")).to.deep.equal(["CN=One"]);
        }
        expect(certificateText("missing.pem", folder.path())).to.equal(undefined);
        expect(certificateText(pemOf(one.certificate), folder.path())).to.equal(pemOf(one.certificate));
    });

    it("are no private keys, and a key pasted by mistake is never shown", () => {
        const { key } = one;
        const ec = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
        const keys = [
            key.export({ format: "pem", type: "pkcs8" }).toString(),
            key.export({ format: "pem", type: "pkcs1" }).toString(),
            `${pemOf(one.certificate)}${ec.export({ format: "pem", type: "sec1" }).toString()}`,
            key.export({ format: "der", type: "pkcs8" }).toString("base64"),
            ec.export({ format: "der", type: "sec1" }).toString("base64"),
        ];
        for (const text of keys) {
            expect(certificateText(text, folder.path()), "not taken for a path").to.equal(text);
            const { certificates, problem = "" } = readCertificates(text);
            expect(certificates).to.deep.equal([]);
            expect(problem).to.match(/private key|cannot be read/);
            for (let at = 0; at + 24 < text.length; at += 24) {
                expect(problem).not.to.include(text.slice(at, at + 24));
            }
        }
    });

    it("are refused when nothing could be verified with them", () => {
        const ec = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
        const problem = (text: string): string => readCertificates(text).problem ?? "";
        expect(problem(pemOf(issue("Curve", { key: ec }).certificate))).to.include(
            "CN=Curve with a key of type ec",
        );
        expect(problem("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")).to.include(
            "cannot be read",
        );
        expect(problem("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----")).to.include(
            '"PUBLIC KEY"',
        );
        expect(problem("hello")).to.include("is no certificate");
        expect(problem("M".repeat(2_000_000))).to.include("too long");
    });
});

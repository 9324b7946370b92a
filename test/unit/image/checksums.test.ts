import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { expect } from "chai";
import * as fc from "fast-check";
import { checksumFor, parseChecksums } from "../../../provider/image/source/checksums";
import { oracle, temporaryFolder } from "./fixtures";

const ONE = "11".repeat(32);
const TWO = "AB".repeat(32);
const IMAGE = "noble-server-cloudimg-amd64.img";

function found(text: string, image = IMAGE, fileName = "SHA256SUMS"): string {
    return checksumFor(image, parseChecksums(text), fileName);
}

describe("a published checksum", () => {
    const folder = temporaryFolder();

    for (const [form, text] of Object.entries({
        "sha256sum, in text mode": `${ONE}  other.img\n${TWO}  ${IMAGE}\n`,
        "sha256sum, in binary mode": `${ONE} *other.img\n${TWO} *${IMAGE}\n`,
        "sha256sum, of a path": `${ONE}  ./images/other.img\n${TWO}  ./images/${IMAGE}\n`,
        "BSD's sha256": `SHA256 (other.img) = ${ONE}\nSHA256 (${IMAGE}) = ${TWO}\n`,
        "openssl dgst": `SHA2-256(other.img)= ${ONE}\nSHA256(${IMAGE})= ${TWO}\n`,
        "Windows line ends": `${ONE} *other.img\r\n${TWO} *${IMAGE}\r\n`,
        "a byte-order mark": `\uFEFF${TWO}  ${IMAGE}\n`,
        "no line end": `${ONE}  other.img\n${TWO}  ${IMAGE}`,
        "comments and other algorithms": `# ${IMAGE}: 612 bytes\nMD5 (${IMAGE}) = ${"0".repeat(32)}\nSHA512 (${IMAGE}) = ${"0".repeat(128)}\nSHA256 (${IMAGE}) = ${TWO}\n`,
        "a digest alone": `${TWO}\n`,
        "twice the same": `${TWO}  ${IMAGE}\n${TWO.toLowerCase()} *${IMAGE}\n`,
    })) {
        it(`is read from ${form}`, () => {
            expect(found(text)).to.equal(TWO.toLowerCase());
        });
    }

    it("is read from a signed text, which says so", () => {
        const signed = [
            "-----BEGIN PGP SIGNED MESSAGE-----",
            "Hash: SHA256",
            "",
            `- ${ONE}  dashed`,
            `${TWO}  ${IMAGE}`,
            "-----BEGIN PGP SIGNATURE-----",
            "",
            ONE,
            "-----END PGP SIGNATURE-----",
        ].join("\n");
        expect(found(signed)).to.equal(TWO.toLowerCase());
        expect(found(signed, "dashed")).to.equal(ONE);
        expect(parseChecksums(signed)).to.deep.include({ isSigned: true });
        expect(parseChecksums(signed).checksums).to.have.lengthOf(2);
        expect(parseChecksums(`${TWO}  ${IMAGE}`).isSigned).to.equal(false);
    });

    it("prefers the very name to the same name in a folder", () => {
        expect(found(`${ONE}  old/${IMAGE}\n${TWO}  ${IMAGE}\n`)).to.equal(TWO.toLowerCase());
    });

    it("beside the image counts, whatever name it was made under", () => {
        const text = `${TWO}  build/out.img\n`;
        expect(found(text, IMAGE, `${IMAGE}.sha256`)).to.equal(TWO.toLowerCase());
        expect(() => found(text)).to.throw(`has no line for ${IMAGE}; it is about build/out.img`);
    });

    it("is refused when two digests are given", () => {
        expect(() => found(`${ONE}  a/${IMAGE}\n${TWO}  b/${IMAGE}\n`)).to.throw("2 different digests");
    });

    it("is missed in a file of another kind", () => {
        for (const text of ["", "<html>please log in</html>", `${"0".repeat(128)}  ${IMAGE}\n`]) {
            expect(() => found(text)).to.throw("holds no SHA-256");
        }
    });

    it("is read as sha256sum writes it, whatever the name", function () {
        const names = ["plain.img", "with space.img", "line\nend.img", "*star.img"];
        for (const [i, name] of names.entries()) {
            const file = folder.path(name);
            fs.writeFileSync(file, String(i));
            for (const mode of ["--text", "--binary", "--tag"]) {
                const text = oracle(this, "sha256sum", [mode, "--", file]).toString("utf8");
                const digest = crypto.createHash("sha256").update(String(i)).digest("hex");
                expect(found(`${text}${ONE}  other\n`, name), text).to.equal(digest);
            }
        }
    });

    it("gives a verdict on any text", () => {
        const pieces = fc.constantFrom(
            ONE,
            TWO,
            "  ",
            " *",
            "SHA256 (",
            ") = ",
            "\n",
            "\\",
            "- ",
            IMAGE,
            "x",
        );
        fc.assert(
            fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
                try {
                    expect(found(parts.join(""))).to.match(/^[0-9a-f]{64}$/);
                } catch (error) {
                    expect((error as Error).name).to.equal("ImageError");
                }
            }),
            { numRuns: 500 },
        );
    });
});

import { expect } from "chai";
import fc from "fast-check";
import { keyFingerprint, keyProblem, normalKey, sameKey } from "../../../provider/emf/sshKey";
import { publicKey } from "../../support/sshKeys";

const ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILqoorU//5lnCWtz5iIeE27Tf69yd8gRrhozKjg/xXeE";

describe("public SSH keys", () => {
    it("of the two kinds that EMF takes pass, with and without a comment", () => {
        for (const type of ["ssh-ed25519", "ecdsa-sha2-nistp521"] as const) {
            expect(keyProblem(publicKey(type)), type).to.equal(undefined);
            expect(keyProblem(normalKey(`${publicKey(type)} ops@laptop of June\n`)), type).to.equal(
                undefined,
            );
        }
    });

    const refused: [what: string, key: string, says: RegExp][] = [
        ["nothing", " \n", /^must not be empty/],
        [
            "RSA",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ== ops",
            /RSA key, which EMF refuses.*ssh-keygen -t ed25519/,
        ],
        ["another curve", "ecdsa-sha2-nistp256 AAAA ops", /type ecdsa-sha2-nistp256, which EMF refuses/],
        ["a security key", "sk-ssh-ed25519@openssh.com AAAA ops", /type sk-ssh-ed25519@openssh.com/],
        ["options in front", `from="10.0.0.1" ${ED25519}`, /without options/],
        ["a path", "~/.ssh/id_ed25519.pub", /the line of a public key file/],
        ["two keys", `${ED25519}\n${ED25519}`, /several lines/],
        ["a key cut off", ED25519.slice(0, -8), /cut off or damaged/],
        ["a key under another type's name", ED25519.replace("ssh-ed25519", "ecdsa-sha2-nistp521"), /damaged/],
        ["a long comment", `${publicKey("ssh-ed25519")} ${"x".repeat(800)}`, /EMF takes 800: shorten/],
    ];
    for (const [what, key, says] of refused) {
        it(`refuses ${what}`, () => {
            expect(keyProblem(normalKey(key))).to.match(says);
        });
    }

    it("refuses a private key without showing it", () => {
        const problem = keyProblem(
            normalKey("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END"),
        );
        expect(problem).to.contain("is a private key").and.not.contain("b3Blbn");
    });

    it("are the same when only blanks and comment differ", () => {
        const key = publicKey("ssh-ed25519");
        const gap = fc.stringMatching(/^[ \t]{1,3}$/);
        const ends = fc.constantFrom("", "\n", "\r\n", "  \n");
        fc.assert(
            fc.property(gap, ends, fc.stringMatching(/^[a-z@. ]{0,20}$/), (blanks, end, comment) => {
                const written = `${key.replace(" ", blanks)}${blanks}${comment}${end}`;
                expect(sameKey(written, key)).to.equal(true);
                expect(keyProblem(normalKey(written))).to.equal(undefined);
                expect(keyFingerprint(written)).to.equal(keyFingerprint(key));
            }),
        );
        expect(sameKey(key, publicKey("ssh-ed25519"))).to.equal(false);
    });

    it("has the fingerprint that ssh-keygen shows", () => {
        expect(keyFingerprint(`${ED25519} ops`)).to.equal(
            "SHA256:QM/K4NsM6i0ZV5ZHA3w8cqLlSJUFO2mItK6BMZCMQYY",
        );
    });
});

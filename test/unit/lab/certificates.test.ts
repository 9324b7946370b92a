import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { CertificateAuthority } from "../../../lab/certificates";

const DAY = 24 * 60 * 60 * 1000;

describe("lab certificates", () => {
    let folder: string;
    beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-ca-"))));
    afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

    const open = (now = Date.now()): Promise<CertificateAuthority> =>
        CertificateAuthority.open(folder, () => now);

    it("signs a server certificate for loopback by name and address", async () => {
        const authority = await open();
        const { certificate, key } = await authority.server("emf");
        const leaf = new crypto.X509Certificate(certificate);

        expect(leaf.verify(new crypto.X509Certificate(authority.certificate).publicKey)).to.equal(true);
        expect(leaf.checkIssued(new crypto.X509Certificate(authority.certificate))).to.equal(true);
        expect(leaf.checkPrivateKey(crypto.createPrivateKey(key))).to.equal(true);
        expect(leaf.checkIP("127.0.0.1")).to.equal("127.0.0.1");
        expect(leaf.checkHost("localhost")).to.equal("localhost");
        expect(leaf.ca).to.equal(false);
    });

    it("keeps its certificates from start to start", async () => {
        const first = await (await open()).server("emf");
        const second = await (await open()).server("emf");
        expect(second).to.deep.equal(first);
    });

    it("keeps keys to their owner", async () => {
        await (await open()).server("emf");
        for (const name of fs.readdirSync(folder)) {
            expect(fs.statSync(path.join(folder, name)).mode & 0o777, name).to.equal(0o600);
        }
    });

    it("makes a server certificate anew before it expires, under the same authority", async () => {
        const authority = await open();
        const first = await authority.server("emf");
        const later = await open(Date.now() + 710 * DAY);
        const second = await later.server("emf");
        expect(second.certificate).to.not.equal(first.certificate);
        expect(later.certificate).to.equal(authority.certificate);
    });

    it("makes everything anew when the authority nears its end", async () => {
        const first = await open();
        await first.server("emf");
        const later = await open(Date.now() + 3640 * DAY);
        expect(later.certificate).to.not.equal(first.certificate);
        const leaf = new crypto.X509Certificate((await later.server("emf")).certificate);
        expect(leaf.verify(new crypto.X509Certificate(later.certificate).publicKey)).to.equal(true);
    });
});

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { CertificateAuthority } from "../../lab/certificates";

/** A server's certificate for loopback with its key, and the CA that signed it, all PEM. */
export async function tlsIdentity(): Promise<{ cert: string; key: string; ca: string }> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-tls-"));
    try {
        const authority = await CertificateAuthority.open(folder);
        const { certificate, key } = await authority.issue();
        return { cert: certificate, key, ca: authority.certificate };
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
}

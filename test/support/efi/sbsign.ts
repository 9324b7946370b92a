import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type Identity, pemOf } from "./authority";

/** Signed by the tool that people use. */
export function sbsign(program: Buffer, signer: Identity, embedded?: Identity): Buffer {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-sbsign-"));
    try {
        const write = (name: string, content: string | Buffer): string => {
            fs.writeFileSync(path.join(folder, name), content);
            return path.join(folder, name);
        };
        const key = write("leaf.key", signer.key.export({ format: "pem", type: "pkcs8" }));
        const certificate = write("leaf.crt", pemOf(signer.certificate));
        const more = embedded ? ["--addcert", write("int.crt", pemOf(embedded.certificate))] : [];
        const out = path.join(folder, "signed.efi");
        const args = [
            "--key",
            key,
            "--cert",
            certificate,
            ...more,
            "--output",
            out,
            write("in.efi", program),
        ];
        const { status, stderr } = childProcess.spawnSync("sbsign", args);
        if (status !== 0) throw new Error(`sbsign: ${stderr.toString()}`);
        return fs.readFileSync(out);
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

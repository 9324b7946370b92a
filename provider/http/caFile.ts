import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { messageOf } from "../resource/errors";

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates of a PEM file, or what is wrong with it: Node takes no notice of one it cannot read. */
export function readCaFile(file: string): { ca: string } | { fault: string } {
    let text: string;
    try {
        text = fs.readFileSync(file, "utf8");
    } catch (error) {
        return { fault: `cannot be read (${messageOf(error)})` };
    }
    const blocks = text.match(PEM_BLOCK) ?? [];
    if (blocks.length === 0) return { fault: "holds no PEM certificate" };
    const damaged = blocks.findIndex((block) => !isCertificate(block));
    if (damaged < 0) return { ca: text };
    return { fault: `is damaged: its certificate ${damaged + 1} of ${blocks.length} cannot be read` };
}

function isCertificate(block: string): boolean {
    try {
        return new crypto.X509Certificate(block).raw.length > 0;
    } catch {
        return false;
    }
}

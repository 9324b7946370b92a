import * as crypto from "node:crypto";

/** A new public key, as ssh-keygen writes one, without a comment. */
export function publicKey(type: "ssh-ed25519" | "ecdsa-sha2-nistp521"): string {
    const fields = type === "ssh-ed25519" ? [type, ed25519()] : [type, "nistp521", nistp521()];
    return `${type} ${Buffer.concat(fields.map(withLength)).toString("base64")}`;
}

function ed25519(): Buffer {
    const { x = "" } = crypto.generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
    return Buffer.from(x, "base64url");
}

function nistp521(): Buffer {
    const pair = crypto.generateKeyPairSync("ec", { namedCurve: "P-521" });
    const { x = "", y = "" } = pair.publicKey.export({ format: "jwk" });
    return Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}

function withLength(field: string | Buffer): Buffer {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    return Buffer.concat([length, Buffer.from(field)]);
}

import * as crypto from "node:crypto";

const TYPE = "ssh-ed25519";

/**
 * A new ed25519 key pair as ssh-keygen writes it (OpenSSH's PROTOCOL.key). ssh2's own generator now and then makes a
 * private key that nobody can read.
 */
export function generateSshKeyPair(comment: string): { privateKey: string; publicKey: string } {
    const { d, x } = crypto.generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
    const [seed, point] = [Buffer.from(d ?? "", "base64url"), Buffer.from(x ?? "", "base64url")];
    const publicBlob = Buffer.concat([text(TYPE), text(point)]);
    const check = crypto.randomBytes(4);
    const secret = Buffer.concat([
        ...[check, check, text(TYPE), text(point), text(Buffer.concat([seed, point])), text(comment)],
    ]);
    const container = Buffer.concat([
        Buffer.from("openssh-key-v1\0"),
        // Not encrypted: no cipher, no key derivation, no options; one key.
        ...[text("none"), text("none"), text(""), number(1), text(publicBlob)],
        text(Buffer.concat([secret, padding(secret.length)])),
    ]);
    const lines = container.toString("base64").match(/.{1,70}/g) ?? [];
    return {
        privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`,
        publicKey: `${TYPE} ${publicBlob.toString("base64")} ${comment}`,
    };
}

function text(content: string | Buffer): Buffer {
    const bytes = Buffer.from(content as string);
    return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
}

/** 1, 2, 3 … up to a multiple of the cipher's block, 8 for none. */
function padding(length: number): Buffer {
    return Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, index) => index + 1));
}

import { expect } from "chai";
import { imageProblems, imageUrlProblems, imageWarnings } from "../../../provider/emf/imageUrl";

const GOOD = [
    "https://files.example.com/ubuntu-24.04.img",
    "https://files.example.com/emt.raw.gz",
    "https://files.example.com/emt.raw.xz",
    "https://files.example.com/emt.raw.bz2",
    "https://files.example.com/u.img.qcow2", // contains .img: the platform looks inside
    "https://10.0.0.1:8443/a b(1).img",
    "https://files.example.com/image.img?version=2",
    "files-edge-orch/repository/microvisor/edge-readonly.raw.gz",
];

const BAD: [url: string, ...texts: string[]][] = [
    ["", "must not be empty"],
    ["http://files.example.com/u.img", "must use https"],
    ["ftp://files.example.com/u.img", "must use https"],
    ["oci://registry.example.com/edge/ubuntu@sha256:ab", "must use https", "DiskImage: publish: { directory"],
    ["http://files.local/u.qcow2", "must use https", "ends in .qcow2"],
    ["https://files.example.com/u.qcow2", 'only behind names that contain ".img"'],
    ["https://files.example.com/u.qcow2.gz", "is a compressed qcow2"],
    ["https://files.example.com/u.img.qcow2.xz", "is a compressed qcow2"],
    ["https://files.example.com/u.raw.zst", "ends in .zst"],
    ["https://files.example.com/u.raw.gz?signature=x", "query or fragment behind its suffix"],
    ["https://files.example.com/u.raw.gz#x", "query or fragment behind its suffix"],
    ["https://files.example.com/u.img?a=b&c=d", '"&"'],
    ["https://files.example.com/a%20b.img", '"%"', "pre-signed"],
    ["https://files.example.com/~a+b'c\\d.img", '"~" "+" "\'" "\\\\"'],
    ["https://files.example.com/ü.img", '"ü"'],
    ["https://files.example.com/u.tar.gz", "is an archive"],
    ["https://files.example.com/u.zip", "is an archive"],
    [`https://files.example.com/${"u".repeat(500)}.img`, "at most 500"],
    ["/u.img", "must be a full https URL"],
    ["../u.img", "must be a full https URL"],
    ["https://", "is not a URL"],
];

describe("the image URL", () => {
    for (const url of GOOD) {
        it(`is fine: ${url}`, () => {
            expect(imageUrlProblems(url)).to.deep.equal([]);
        });
    }

    for (const [url, ...texts] of BAD) {
        it(`is refused with all reasons: ${url.slice(0, 60)}`, () => {
            const found = imageUrlProblems(url).join("\n");
            for (const text of texts) expect(found).to.contain(text);
        });
    }

    const qcow2 = { format: "qcow2", type: "MUTABLE", privateCa: false } as const;
    for (const [image, text] of [
        [{ ...qcow2, url: "https://x.com/u.img" }, undefined],
        [{ ...qcow2, url: "https://x.com/u.img", privateCa: true }, "qcow2 on a server with a private CA"],
        [{ ...qcow2, url: "https://x.com/u.bin" }, 'does not contain ".img"'],
        [{ ...qcow2, url: "https://x.com/u.img.gz" }, "is a compressed qcow2"],
        [{ ...qcow2, format: "raw", url: "https://x.com/u.img", privateCa: true }, undefined],
        [{ url: "a/b.raw.gz", type: "MUTABLE", privateCa: false }, "for IMMUTABLE profiles"],
        [{ url: "a/b.raw.gz", type: "IMMUTABLE", privateCa: false }, undefined],
    ] as const) {
        it(`together with the image: ${JSON.stringify(image)}`, () => {
            const found = imageProblems(image).join();
            if (text === undefined) expect(found).to.equal("");
            else expect(found).to.contain(text);
        });
    }

    for (const [image, text] of [
        [
            { url: "https://x.com/u.img", type: "IMMUTABLE", privateCa: false, names: ["Ubuntu 24"] },
            "looks like Ubuntu",
        ],
        [
            { url: "https://x.com/emt.raw.gz", type: "MUTABLE", privateCa: false, names: ["microvisor-rt"] },
            "Edge Microvisor",
        ],
        [{ url: "https://x.com/u.img", type: "MUTABLE", privateCa: true, names: [] }, "may be a qcow2"],
        [{ url: "https://me:pw@x.com/u.img", type: "MUTABLE", privateCa: false, names: [] }, "in clear text"],
        [{ url: "https://x.com/u.img", type: "MUTABLE", privateCa: false, names: ["ubuntu"] }, ""],
    ] as const) {
        it(`warns: ${text || "nothing"}`, () => {
            const found = imageWarnings(image).join();
            if (text === "") expect(found).to.equal("");
            else expect(found).to.contain(text);
        });
    }
});

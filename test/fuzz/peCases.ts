import { bufferDevice } from "../../provider/image/blockDevice";
import { readBootFile } from "../../provider/image/efi/bootFile";
import { Certificate } from "../../provider/image/efi/certificate";
import { checkSecureBoot } from "../../provider/image/efi/secureBoot";
import { anchorOf } from "../../provider/image/efi/trust";
import { issue } from "../support/efi/authority";
import { makeProgram, printing } from "../support/efi/program";
import { at, sign, signedBytes } from "../support/efi/signer";
import { type Field, resize, scramble, setField } from "./mutate";
import { assertChecks, type FuzzTarget } from "./target";

interface Model {
    file: Buffer;
    fields: Field[];
    /** Where the signatures are. */
    table: { start: number; end: number };
}

let models: readonly Model[] = [];
let trusted: readonly Certificate[] = [];
let sound = new Set<string>();

/**
 * Small EFI programs of every kind with signatures, changed in their headers, in the DER of their signatures, or
 * anywhere. Whatever still counts as signed by whom one trusts must be byte for byte what was signed.
 */
export const peTarget: FuzzTarget = {
    name: "pe",
    async prepare() {
        const root = issue("Root", { ca: true });
        const intermediate = issue("Intermediate", { issuer: root, ca: true, pathLength: 0, keyUsage: 0x06 });
        const leaf = issue("Leaf", { issuer: intermediate });
        trusted = [Certificate.parse(root.certificate)];
        const embed = [leaf.certificate, intermediate.certificate];
        const programs = [
            makeProgram(printing("fuzz")),
            makeProgram(printing("fuzz"), {
                sections: [{ name: ".vendor_cert", content: vendorTable(root.certificate) }],
            }),
            makeProgram(printing("fuzz"), {
                sections: [
                    { name: ".linux", content: Buffer.alloc(600, 1) },
                    { name: ".sbat", content: Buffer.from("sbat,1\n") },
                ],
            }),
        ];
        const files = programs.flatMap((program) => {
            const once = sign(program, leaf, { embed });
            return [program, once, sign(once, leaf, { embed, hash: "sha512", entry: "guid" })];
        });
        sound = new Set(files.map((file) => signedBytes(file).toString("latin1")));
        models = files.map(modelOf);
    },
    build(random) {
        const model = random.pick(models);
        const file = Buffer.from(model.file);
        for (let n = 1 + random.int(3); n > 0; n--) {
            const where = random.int(10);
            if (where < 5) setField(file, random.pick(model.fields), random);
            else if (where < 9) scramble(file.subarray(model.table.start, model.table.end), random);
            else scramble(file, random);
        }
        return resize(file, random);
    },
    async run(bytes) {
        const loaded = await readBootFile(bufferDevice(bytes), {
            path: "EFI/BOOT/BOOTX64.EFI",
            partition: 1,
        });
        const link = { stage: "loader", loaded, judge: "firmware", needsSbat: false } as const;
        assertChecks(checkSecureBoot({ links: [link], gaps: [] }, trusted));
        const isTrusted = loaded.program?.signatures.some((signature) => anchorOf(signature, trusted));
        if (isTrusted && !sound.has(signedBytes(bytes).toString("latin1"))) {
            throw new Error("trusts what nobody signed");
        }
    },
};

function modelOf(file: Buffer): Model {
    const { certificates } = at(file);
    const start = file.readUInt32LE(certificates);
    const table = { start, end: start + file.readUInt32LE(certificates + 4) };
    const headers = [
        60,
        128 + 6,
        128 + 12,
        128 + 16,
        128 + 20,
        certificates - 36,
        certificates - 96,
        certificates,
        certificates + 4,
    ];
    const sections = [0, 1, 2].flatMap((index) =>
        [8, 16, 20].map((field) => 128 + 24 + 240 + 40 * index + field),
    );
    const entries = start === 0 ? [] : [start, start + 4];
    const fields = [...headers, ...sections, ...entries].map((position): Field => ({
        at: position,
        bytes: 4,
    }));
    // Lengths stand behind their tags: most bytes of DER that count are near its start.
    const lengths =
        start === 0 ? [] : Array.from({ length: 120 }, (_, n): Field => ({ at: start + 8 + n, bytes: 1 }));
    return { file, fields: [...fields, ...lengths], table };
}

/** As in a shim: one certificate allowed, a list of two digests forbidden. */
function vendorTable(certificate: Buffer): Buffer {
    const list = Buffer.alloc(28 + 2 * 48);
    list.write("2616c4c14c509240aca941f936934328", "hex");
    list.writeUInt32LE(list.length, 16);
    list.writeUInt32LE(48, 24);
    const header = Buffer.alloc(16);
    header.writeUInt32LE(certificate.length, 0);
    header.writeUInt32LE(list.length, 4);
    header.writeUInt32LE(16, 8);
    header.writeUInt32LE(16 + certificate.length, 12);
    return Buffer.concat([header, certificate, list]);
}

import { EdgeError } from "../resource/errors";

/** What a machine's firmware trusts: certificates in DER. */
export interface SecureBootKeys {
    /** Platform key: with one in place, Secure Boot is on. */
    pk: Buffer;
    /** Key exchange keys, which may change `db`. */
    kek: readonly Buffer[];
    /** Whose signatures start: leaf, intermediate or root. */
    db: readonly Buffer[];
    /** Whose signatures do not, whatever `db` says. */
    dbx?: readonly Buffer[];
}

/** A private machine's firmware that starts what these certificates have signed, and nothing else. */
export function onlyTrusting(certificates: readonly Buffer[]): SecureBootKeys {
    const [first] = certificates;
    if (!first) throw new EdgeError("Secure Boot needs at least one certificate");
    // Nobody changes the keys of this machine, so whose the platform key is does not matter.
    return { pk: first, kek: [first], db: certificates };
}

const GLOBAL_VARIABLE = guid("8be4df61-93ca-11d2-aa0d-00e098032b8c");
const IMAGE_SECURITY_DATABASE = guid("d719b2cb-3d3a-4596-a3bc-dad00e67656f");
const X509_SIGNATURE = guid("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");
/** Whoever enrolled a certificate; any value does. */
const SIGNATURE_OWNER = guid("2b5d4a3e-6f0c-4c1b-9d53-7e8a1f60c9b4");
const NV_DATA_VOLUME = guid("fff12b8d-7696-4c8b-a985-2747075b4f50");
const AUTHENTICATED_STORE = guid("aaf32c78-947b-439a-a180-2e144ec37792");

/** Non-volatile, boot and runtime access, time-based authenticated write: what the specification asks of the keys. */
const KEY_ATTRIBUTES = 0x27;
const START_ID = 0x55aa;
const ADDED = 0x3f;
const HEADER = 60;
const STORE_HEADER = 28;

/**
 * A copy of a blank variable store of OVMF (`OVMF_VARS*.fd`) with Secure Boot keys in it, as EDK2 would have written
 * them (MdeModulePkg/Include/Guid/VariableFormat.h). A store that has keys already is refused: which of two counts
 * would be the firmware's choice.
 */
export function enrollKeys(blank: Buffer, keys: SecureBootKeys): Buffer {
    const store = findStore(blank);
    const present = store.names.filter((name) => ["PK", "KEK", "db", "dbx"].includes(name));
    if (present.length > 0) {
        throw unsuitable(`has keys already (${present.join(", ")}); take the blank one (OVMF_VARS*.fd)`);
    }
    const variables = [
        ...(keys.dbx?.length ? [variable("dbx", IMAGE_SECURITY_DATABASE, keys.dbx)] : []),
        variable("db", IMAGE_SECURITY_DATABASE, keys.db),
        variable("KEK", GLOBAL_VARIABLE, keys.kek),
        variable("PK", GLOBAL_VARIABLE, [keys.pk]),
    ];
    const filled = Buffer.from(blank);
    let at = store.free;
    for (const bytes of variables) {
        if (at + bytes.length > store.end) {
            throw new EdgeError(
                `the certificates do not fit into the firmware's variable store (${store.end - store.free} bytes are free)`,
            );
        }
        bytes.copy(filled, at);
        at = aligned(at + bytes.length);
    }
    return filled;
}

/** Names of the variables in a store, in their order. */
export function variableNames(file: Buffer): string[] {
    return findStore(file).names;
}

interface Store {
    names: string[];
    /** Where the next variable goes. */
    free: number;
    end: number;
}

function findStore(file: Buffer): Store {
    const start = volumeHeader(file);
    if (start + STORE_HEADER > file.length) throw unsuitable("ends before its variables");
    if (!file.subarray(start, start + 16).equals(AUTHENTICATED_STORE)) {
        throw unsuitable("holds no authenticated variables: it belongs to firmware without Secure Boot");
    }
    const size = file.readUInt32LE(start + 16);
    const [format, state] = [file[start + 20], file[start + 21]];
    if (format !== 0x5a || state !== 0xfe) throw unsuitable("has a variable store that is not formatted");
    const end = start + size;
    if (size < STORE_HEADER || end > file.length) throw unsuitable("is cut off");
    return { end, ...walk(file, start + STORE_HEADER, end) };
}

/** Checks the volume's own header, and says where what is in it begins. */
function volumeHeader(file: Buffer): number {
    if (file.length < 72 || file.toString("latin1", 40, 44) !== "_FVH") {
        throw unsuitable("is no firmware volume");
    }
    if (!file.subarray(16, 32).equals(NV_DATA_VOLUME))
        throw unsuitable("is a firmware volume without variables");
    const length = file.readUInt16LE(48);
    if (length < 72 || length > file.length || length % 2 !== 0) throw unsuitable("is cut off");
    let sum = 0;
    for (let at = 0; at < length; at += 2) sum = (sum + file.readUInt16LE(at)) & 0xffff;
    if (sum !== 0) throw unsuitable("is damaged: its checksum does not match");
    return length;
}

function walk(file: Buffer, first: number, end: number): Pick<Store, "names" | "free"> {
    const names: string[] = [];
    let at = first;
    while (at + HEADER <= end && file.readUInt16LE(at) === START_ID) {
        const nameSize = file.readUInt32LE(at + 36);
        const dataSize = file.readUInt32LE(at + 40);
        const next = aligned(at + HEADER + nameSize + dataSize);
        if (next > end) throw unsuitable("is damaged: a variable reaches beyond its end");
        // Variables are deleted by clearing bits of their state.
        if (file[at + 2] === ADDED) {
            names.push(file.toString("utf16le", at + HEADER, at + HEADER + nameSize).replace(/\0+$/, ""));
        }
        at = next;
    }
    return { names, free: at };
}

function variable(name: string, vendor: Buffer, certificates: readonly Buffer[]): Buffer {
    const nameBytes = Buffer.from(`${name}\0`, "utf16le");
    const data = Buffer.concat(certificates.map(signatureList));
    const header = Buffer.alloc(HEADER);
    header.writeUInt16LE(START_ID, 0);
    header.writeUInt8(ADDED, 2);
    header.writeUInt32LE(KEY_ATTRIBUTES, 4);
    timestamp().copy(header, 16);
    header.writeUInt32LE(nameBytes.length, 36);
    header.writeUInt32LE(data.length, 40);
    vendor.copy(header, 44);
    return Buffer.concat([header, nameBytes, data]);
}

/** EFI_SIGNATURE_LIST with one certificate: lists hold entries of one size only, and certificates differ in size. */
function signatureList(certificate: Buffer): Buffer {
    const header = Buffer.alloc(28);
    X509_SIGNATURE.copy(header, 0);
    const entrySize = SIGNATURE_OWNER.length + certificate.length;
    header.writeUInt32LE(header.length + entrySize, 16);
    header.writeUInt32LE(entrySize, 24);
    return Buffer.concat([header, SIGNATURE_OWNER, certificate]);
}

/** EFI_TIME; the firmware compares it only with that of a later write. */
function timestamp(): Buffer {
    const time = Buffer.alloc(16);
    time.writeUInt16LE(2024, 0);
    time.writeUInt8(1, 2);
    time.writeUInt8(1, 3);
    return time;
}

function aligned(offset: number): number {
    return (offset + 3) & ~3;
}

/** The first three groups are little-endian, the rest big-endian (UEFI, appendix A). */
function guid(text: string): Buffer {
    const bytes = Buffer.from(text.replaceAll("-", ""), "hex");
    bytes.subarray(0, 4).reverse();
    bytes.subarray(4, 6).reverse();
    bytes.subarray(6, 8).reverse();
    return bytes;
}

function unsuitable(what: string): EdgeError {
    return new EdgeError(`the firmware's variable file ${what}`);
}

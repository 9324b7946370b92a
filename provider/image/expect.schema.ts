import { z } from "zod";
import { imageDigest } from "./imageDigest";
import { parseConstraint } from "./root/packages";

const CONSTRAINT = 'must be "present", "absent" or comparisons such as ">= 23.1, < 25"';
const PARTITION_TYPES: Readonly<Record<string, string>> = {
    "efi-system": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    linux: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    "linux-root": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
};

const sha256 = z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, "must be a SHA-256: 64 hexadecimal digits")
    .transform((digits) => digits.toLowerCase());

const bytes = z.number().int("must be whole bytes").positive("must be more than 0 bytes");

const packageName = z
    .string()
    .regex(
        /^[A-Za-z0-9][A-Za-z0-9+._-]*$/,
        "must be the name of a package, without architecture and version",
    );

const constraint = z
    .string()
    .refine(
        (text) => ["present", "absent"].includes(text) || parseConstraint(text) !== undefined,
        CONSTRAINT,
    );

const packages = z
    .union([z.array(packageName), z.record(packageName, constraint)], {
        error: `must be a list of package names, or an object of names and versions; a version ${CONSTRAINT}`,
    })
    .transform((given) =>
        Array.isArray(given) ? Object.fromEntries(given.map((name) => [name, "present"])) : given,
    );

const kernel = z
    .string()
    .transform((text) => (/^[0-9]/.test(text.trim()) ? `= ${text.trim()}` : text))
    .refine(
        (text) => parseConstraint(text) !== undefined,
        'must be a version, or comparisons such as ">= 6.8"',
    );

const file = z
    .strictObject({
        path: z.string().regex(/^\/[^\0]*$/, "must be an absolute path in the image, for example /etc/hosts"),
        absent: z.boolean().optional(),
        mode: z
            .string()
            .regex(/^[0-7]{3,4}$/, 'must be octal permissions, for example "0644"')
            .optional(),
        owner: z
            .string()
            .regex(
                /^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$/,
                'must be "user" or "user:group", for example "root:root"',
            )
            .optional(),
        sha256: sha256.optional(),
        content: z.string().optional(),
        contains: z.string().min(1, "must not be empty").optional(),
    })
    .refine(
        ({ absent, mode, owner, sha256: digest, content, contains }) =>
            absent !== true || [mode, owner, digest, content, contains].every((value) => value === undefined),
        {
            path: ["absent"],
            message:
                "leaves nothing else to expect of the file: remove mode, owner, sha256, content and contains",
        },
    );

const unit = z
    .string()
    .regex(
        /^[A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path|target|mount|automount|swap)$/,
        "must be a unit with its kind, for example ssh.service",
    );

const pciId = z
    .string()
    .regex(
        /^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}(:[0-9a-fA-F]{6})?$/,
        'must be vendor:device in hexadecimal, for example "8086:15f3", or vendor:device:class',
    )
    .transform((id) => id.toLowerCase());

const partition = z
    .strictObject({
        name: z.string().min(1, "must not be empty").optional(),
        type: z
            .string()
            .transform((type) => PARTITION_TYPES[type] ?? type.toUpperCase())
            .refine(
                (type) => /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/.test(type),
                `must be a type GUID, or one of ${Object.keys(PARTITION_TYPES).join(", ")}`,
            )
            .optional(),
        fileSystem: z.enum(["ext4", "FAT", "xfs", "btrfs", "erofs", "squashfs", "LUKS", "LVM"]).optional(),
        minSizeBytes: bytes.optional(),
    })
    .refine(({ name, type, fileSystem }) => (name ?? type ?? fileSystem) !== undefined, {
        message: "must say which partition is meant: give name, type or fileSystem",
    });

/** What the disk itself must hold; looked at beside the image's bytes, in the thread that reads them. */
const contentFields = {
    preset: z.enum(["ubuntu", "emt"]).optional(),
    maxDiskBytes: bytes.optional(),
    architecture: z
        .enum(["x86_64", "amd64", "aarch64", "arm64"])
        .transform((name) => (name === "amd64" ? "x86_64" : name === "arm64" ? "aarch64" : name))
        .optional(),
    os: z
        .strictObject({ id: z.string().min(1).optional(), versionId: z.string().min(1).optional() })
        .optional(),
    packages: packages.optional(),
    kernel: kernel.optional(),
    files: z.array(file).max(500, "must be at most 500 files").optional(),
    units: z
        .strictObject({
            enabled: z.array(unit).optional(),
            disabled: z.array(unit).optional(),
            masked: z.array(unit).optional(),
        })
        .optional(),
    cloudInit: z
        .union([z.boolean(), z.array(z.string().min(1))], { error: "must be true, or a list of datasources" })
        .optional(),
    pciIds: z.array(pciId).optional(),
    nodeAgents: z
        .union([z.boolean(), z.array(packageName)], { error: "must be true, or a list of packages" })
        .optional(),
    partitions: z.array(partition).optional(),
    secureBoot: z
        .strictObject({
            certificates: z
                .array(z.string().min(1))
                .min(1, "must be at least one certificate, as PEM or the path of a file"),
        })
        .optional(),
};

/** `expect` of a `DiskImage`, and of `edge-os verify --expect`. */
export const expectations = z.strictObject({
    sha256: imageDigest.optional(),
    format: z.enum(["raw", "qcow2"]).optional(),
    maxSizeBytes: bytes.optional(),
    ...contentFields,
    severity: z
        .record(
            z
                .string()
                .regex(
                    /^[a-z][a-z0-9-]*(\.[^\s]+)?$/,
                    'must be a check id ("root.kernel") or its first part ("emt.*")',
                ),
            z.enum(["error", "warning", "off"]),
        )
        .optional(),
});

export type Expectations = z.output<typeof expectations>;

/** The part that is judged in the worker. Plain data. */
export type ContentExpectations = Pick<Expectations, keyof typeof contentFields>;

/** What the worker has to know of the expectations; undefined when that is nothing. */
export function contentExpectations(expect: Expectations | undefined): ContentExpectations | undefined {
    const entries = Object.keys(contentFields)
        .map((name) => [name, expect?.[name as keyof ContentExpectations]] as const)
        .filter(([, value]) => value !== undefined);
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

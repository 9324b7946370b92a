import { z } from "zod";
import { EdgeError } from "../resource/errors";
import { describeIssue, formatPath } from "../resource/problem";
import type { Inspection } from "./inspection";

/** Changes with the form; a reader refuses what it does not know. */
const VERSION = 1;

/** Behind the name of the published file. */
export const MANIFEST_SUFFIX = ".manifest.json" as const;

/** More is no manifest that this package wrote. */
const MAX_BYTES = 16 * 2 ** 20;

const texts = z.array(z.string());

const manifest = z.object({
    manifestVersion: z.literal(VERSION),
    image: z.object({
        fileName: z.string(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        sizeBytes: z.number(),
        format: z.enum(["raw", "qcow2"]),
        compression: z.enum(["none", "gz", "xz", "bz2", "zst"]),
        unpackedSha256: z.string().optional(),
    }),
    disk: z.object({
        /** The smallest disk that the image fits on. */
        sizeBytes: z.number(),
        partitions: z.array(
            z.object({
                index: z.number(),
                name: z.string(),
                type: z.string(),
                sizeBytes: z.number(),
                fileSystem: z.string().optional(),
                label: z.string().optional(),
            }),
        ),
    }),
    os: z
        .object({
            id: z.string(),
            versionId: z.string().optional(),
            idLike: z.string().optional(),
            prettyName: z.string().optional(),
            imageVersion: z.string().optional(),
        })
        .optional(),
    architecture: z.string().optional(),
    kernels: z
        .array(
            z.object({
                version: z.string(),
                image: z.string().optional(),
                initrd: z.string().optional(),
                modules: z.number(),
            }),
        )
        .optional(),
    packages: z
        .object({
            manager: z.enum(["dpkg", "rpm"]),
            packages: z.array(z.object({ name: z.string(), version: z.string(), architecture: z.string() })),
        })
        .optional(),
    units: z.object({ enabled: texts, masked: texts }).optional(),
    cloudInit: z
        .object({
            installed: z.boolean(),
            version: z.string().optional(),
            enabled: z.boolean(),
            why: z.string().optional(),
            datasources: texts.optional(),
        })
        .optional(),
    pci: z
        .object({
            kernel: z.string(),
            devices: z.record(z.string(), z.record(z.string(), z.string())),
            classes: z.record(z.string(), texts),
        })
        .optional(),
    boot: z
        .object({
            files: z.array(
                z.object({
                    path: z.string(),
                    partition: z.number(),
                    kind: z.string(),
                    machine: z.string(),
                    sha256: z.string(),
                    authenticodeSha256: z.string(),
                    signers: texts,
                    problems: texts,
                }),
            ),
            signed: z.boolean(),
            unsigned: texts,
            signers: texts,
        })
        .optional(),
    /** Parts that could not be read, and why. */
    unread: z.record(z.string(), z.string()),
});

/**
 * What an image holds, in plain JSON: kept beside the published file, so that the next version can be compared with it
 * and hosts with what it has drivers for, long after the image itself is gone.
 */
export type ImageManifest = z.output<typeof manifest>;

/** The manifest of an image that is published as `fileName`. */
export function manifestOf(inspection: Inspection, fileName: string): ImageManifest {
    const { sha256, sizeBytes, format, compression, unpackedSha256, virtualSizeBytes, partitions, boot } =
        inspection;
    const {
        os,
        architecture,
        kernels,
        packages,
        units,
        cloudInit,
        pci,
        unread = {},
    } = inspection.contents ?? {};
    return {
        manifestVersion: VERSION,
        image: {
            ...{ fileName, sha256, sizeBytes, format, compression },
            ...(unpackedSha256 === undefined ? {} : { unpackedSha256 }),
        },
        disk: { sizeBytes: virtualSizeBytes, partitions },
        ...(os ? { os } : {}),
        ...(architecture === undefined ? {} : { architecture }),
        ...(kernels ? { kernels } : {}),
        ...(packages ? { packages } : {}),
        ...(units ? { units } : {}),
        ...(cloudInit ? { cloudInit } : {}),
        ...(pci ? { pci } : {}),
        ...(boot ? { boot } : {}),
        unread,
    };
}

/** As it is written beside the image: the same manifest, the same bytes. */
export function writeManifest(content: ImageManifest): Buffer {
    return Buffer.from(`${JSON.stringify(content)}\n`);
}

/** Reads what `writeManifest` wrote; `where` names the file in messages. */
export function readManifest(bytes: Buffer, where: string): ImageManifest {
    if (bytes.length > MAX_BYTES)
        throw new EdgeError(`${where} has ${bytes.length} bytes: it is no image manifest`);
    const json = parseJson(bytes, where);
    const version: unknown = (json as { manifestVersion?: unknown } | null)?.manifestVersion;
    if (typeof version === "number" && version > VERSION) {
        throw new EdgeError(
            `${where} was written by a newer pulumi-edge-os (manifest version ${version}): update this one`,
        );
    }
    const parsed = manifest.safeParse(json, { reportInput: true });
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const reason = issue ? `${formatPath(issue.path)} ${describeIssue(issue)}`.trim() : "is of another form";
    throw new EdgeError(`${where} is no image manifest: ${reason}`);
}

function parseJson(bytes: Buffer, where: string): unknown {
    try {
        return JSON.parse(bytes.toString("utf8"));
    } catch {
        throw new EdgeError(`${where} is no image manifest: it is not JSON`);
    }
}

import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { z } from "zod";
import { Limiter } from "../http/limiter";
import { onlyTrusting } from "../qemu/efiVariables";
import { BootFailure, runQemu } from "../qemu/run";
import { serialPattern } from "../qemu/serialWatch";
import type { Context } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { withBootDisk } from "./bootDisk";
import type { Compression } from "./compression";
import { certificateText, readCertificates } from "./efi/enrolled";
import type { ImageFormat } from "./format";
import type { ImageLibrary } from "./library";
import { locate } from "./source/location";

const PATTERN = 'must be text, or an expression between slashes: "/login: $/m"';

const pattern = z
    .string()
    .min(1, "must not be empty")
    .refine(isPattern, `is no regular expression: it ${PATTERN}`);

/** `bootTest` of a `DiskImage`. */
export const bootTest = z
    .strictObject({
        until: z.union([pattern, z.array(pattern).min(1, "must be at least one text")], { error: PATTERN }),
        failOn: z.array(pattern).optional(),
        timeoutSeconds: z
            .number()
            .positive("must be more than 0 seconds")
            .max(3600, "must be at most 3600")
            .optional(),
        firmware: z.enum(["uefi", "bios"]).optional(),
        secureBoot: z
            .strictObject({
                certificates: z
                    .array(z.string().min(1))
                    .min(1, "must be at least one certificate, as PEM or the path of a file"),
            })
            .optional(),
        memoryMb: z.number().int().min(64, "must be at least 64 MiB").optional(),
        cores: z.number().int().min(1, "must be at least 1").max(64, "must be at most 64").optional(),
        disk: z.enum(["virtio", "sata", "nvme"]).optional(),
        accel: z.enum(["auto", "kvm", "tcg"]).optional(),
    })
    .refine(({ firmware, secureBoot }) => firmware !== "bios" || secureBoot === undefined, {
        path: ["secureBoot"],
        message: 'needs firmware "uefi": a BIOS checks no signatures',
    });

export type BootTest = z.output<typeof bootTest>;

/** What is known of a boot that came as far as it should. */
export const bootResult = z.object({
    /** Of the image and the test: the same again is not run again. */
    key: z.string(),
    /** As a check of the image. */
    check: z.object({ id: z.string(), verdict: z.enum(["passed"]), seen: z.string(), message: z.string() }),
});

export type BootResult = z.output<typeof bootResult>;

/** The image that is tested. */
export interface BootedImage {
    source: string;
    sha256: string;
    format: ImageFormat;
    compression: Compression;
    architecture?: string | undefined;
}

const CHECK_ID = "boot.reached";
const DEFAULT_SECONDS = 300;
const PROGRESS_INTERVAL = 500;
/** Each takes all of a core, and the memory of a machine. */
const machines = new Limiter(1);

/** One image and one test of it, whatever the file is called. */
function bootTestKey({ sha256 }: Pick<BootedImage, "sha256">, test: BootTest): string {
    return crypto
        .createHash("sha256")
        .update(JSON.stringify([sha256, test]))
        .digest("hex")
        .slice(0, 32);
}

/**
 * Boots an image in QEMU, unless that has been done. The image stays as it is: what the machine writes is forgotten.
 * Throws when it does not come as far as it should.
 */
export async function runBootTest(
    image: BootedImage,
    test: BootTest,
    context: Context<ImageLibrary>,
    last?: BootResult,
): Promise<BootResult> {
    const key = bootTestKey(image, test);
    if (last?.key === key) return last;
    if (image.architecture === "aarch64") {
        throw new EdgeError(
            "bootTest: machines of x86_64 are tested, and the image is for aarch64: remove bootTest",
        );
    }
    const logFile = path.join(
        os.tmpdir(),
        `edge-os-boot-${image.sha256.slice(0, 12)}-${process.pid}-${key.slice(0, 8)}.log`,
    );
    try {
        const seen = await machines.run(() => boot(image, test, logFile, context), context.signal);
        fs.rmSync(logFile, { force: true });
        return { key, check: { id: CHECK_ID, verdict: "passed", seen, message: "" } };
    } catch (error) {
        if (!(error instanceof BootFailure)) throw error;
        throw new EdgeError(`${CHECK_ID}: ${image.source}: ${error.message}`);
    }
}

/** Said in a preview, where no machine is started. */
export function announceBootTest(test: BootTest, context: Pick<Context<unknown>, "log">): void {
    context.log.info(`the update will boot the image in QEMU: ${describeTest(test)}`);
}

async function boot(
    image: BootedImage,
    test: BootTest,
    logFile: string,
    context: Context<ImageLibrary>,
): Promise<string> {
    const { signal, projectDir } = context;
    const firmware = test.firmware ?? "uefi";
    const location = locate(image.source, projectDir);
    return withBootDisk({ ...image, location }, context, async (file) => {
        const { milliseconds, accelerator } = await runQemu({
            firmware,
            ...(test.secureBoot ? { secureBoot: keysOf(test.secureBoot.certificates, projectDir) } : {}),
            drives: [
                { kind: "disk", file, format: image.format, bus: test.disk ?? "virtio", writable: false },
            ],
            ...(test.memoryMb === undefined ? {} : { memoryMb: test.memoryMb }),
            ...(test.cores === undefined ? {} : { cores: test.cores }),
            accelerator: test.accel ?? "auto",
            until: untilOf(test).map(serialPattern),
            failOn: (test.failOn ?? []).map(serialPattern),
            timeLimit: (test.timeoutSeconds ?? DEFAULT_SECONDS) * 1000,
            ...{ logFile, signal },
            onProgress: lineShower(context),
        });
        const how = [firmware, test.secureBoot ? "Secure Boot" : "", accelerator].filter(Boolean).join(", ");
        return `${JSON.stringify(untilOf(test).at(-1))} after ${Math.round(milliseconds / 100) / 10} s (${how})`;
    });
}

function untilOf({ until }: BootTest): readonly string[] {
    return typeof until === "string" ? [until] : until;
}

function describeTest(test: BootTest): string {
    const texts = untilOf(test).map((text) => JSON.stringify(text));
    const secure = test.secureBoot ? " with Secure Boot" : "";
    return `${test.firmware ?? "uefi"}${secure}, until its serial line shows ${texts.join(", then ")}`;
}

function keysOf(given: readonly string[], projectDir: string): ReturnType<typeof onlyTrusting> {
    const certificates = given.flatMap((one) => {
        const text = certificateText(one, projectDir);
        if (text === undefined) {
            throw new EdgeError(`bootTest.secureBoot.certificates: there is no file ${JSON.stringify(one)}`);
        }
        const { certificates: found, problem } = readCertificates(text);
        if (problem !== undefined) throw new EdgeError(`bootTest.secureBoot.certificates: ${problem}`);
        return found.map(({ der }) => der);
    });
    return onlyTrusting(certificates);
}

function lineShower(context: Pick<Context<unknown>, "progress" | "now">): (line: string) => void {
    let shownAt = -Infinity;
    return (line) => {
        const now = context.now();
        if (line === "" || now - shownAt < PROGRESS_INTERVAL) return;
        shownAt = now;
        context.progress(`boot test: ${line.slice(0, 100)}`);
    };
}

function isPattern(text: string): boolean {
    try {
        serialPattern(text);
        return true;
    } catch {
        return false;
    }
}

import * as path from "node:path";
import { z } from "zod";
import type { Host } from "../resource/context";
import { EdgeError } from "../resource/errors";
import { describeIssue, formatPath } from "../resource/problem";
import type { InspectLimits } from "./inspection";

const settings = z.strictObject({
    spoolDirectory: z.string().min(1).optional(),
    maxSpoolBytes: z.number().int().positive().optional(),
    maxDiskBytes: z.number().int().positive().optional(),
    cacheDirectory: z.string().min(1).optional(),
});

/** `edge-os:image`: where unpacked disks and results are kept, and how large they may get. All optional. */
export function readImageSettings(
    host: Pick<Host, "config" | "projectDir">,
): InspectLimits & { cacheDirectory?: string } {
    const text = host.config("edge-os:image");
    if (text === undefined) return {};
    const parsed = settings.safeParse(parseJson(text), { reportInput: true });
    if (!parsed.success) {
        const reasons = parsed.error.issues.map((issue) =>
            `${formatPath(issue.path)} ${describeIssue(issue)}`.trim(),
        );
        throw new EdgeError(`configuration edge-os:image: ${reasons.join("; ")}`);
    }
    const { spoolDirectory, cacheDirectory, ...sizes } = parsed.data;
    const fromProject = (folder: string): string => path.resolve(host.projectDir, folder);
    return {
        ...sizes,
        ...(spoolDirectory === undefined ? {} : { spoolDirectory: fromProject(spoolDirectory) }),
        ...(cacheDirectory === undefined ? {} : { cacheDirectory: fromProject(cacheDirectory) }),
    };
}

function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        throw new EdgeError(
            'configuration edge-os:image must be an object: pulumi config set --path "edge-os:image.spoolDirectory" /var/tmp',
        );
    }
}

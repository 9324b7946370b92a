import type { InstalledPackage } from "./packages";

/** Of packages in one image; more is no package list. */
export const MAX_PACKAGES = 20_000;

/**
 * The installed packages of a dpkg status file. A package that is unpacked but not configured (a failed installation
 * inside a build leaves such) or removed with its configuration kept does not count as installed.
 */
export function parseDpkgStatus(text: string): InstalledPackage[] {
    const installed: InstalledPackage[] = [];
    for (const paragraph of text.split(/\n[ \t]*\n/)) {
        const fields = fieldsOf(paragraph);
        const name = fields.get("package");
        if (name === undefined || !isInstalled(fields.get("status") ?? "")) continue;
        installed.push({
            name,
            version: fields.get("version") ?? "",
            architecture: fields.get("architecture") ?? "",
        });
        if (installed.length >= MAX_PACKAGES) break;
    }
    return installed;
}

const WANTED = new Set(["package", "status", "version", "architecture"]);

/** Continuation lines belong to fields that are not looked at here. */
function fieldsOf(paragraph: string): Map<string, string> {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n")) {
        const colon = line.indexOf(":");
        if (colon <= 0 || line.startsWith(" ") || line.startsWith("\t")) continue;
        const name = line.slice(0, colon).toLowerCase();
        if (WANTED.has(name) && !fields.has(name)) fields.set(name, line.slice(colon + 1).trim());
    }
    return fields;
}

/** The third word is the state; the first (`install`, `hold`, …) is only what somebody wants. */
function isInstalled(status: string): boolean {
    const [, error, state] = status.split(/\s+/);
    return error === "ok" && ["installed", "triggers-pending", "triggers-awaited"].includes(state ?? "");
}

import type { ImageTree } from "./tree";

/** Which systemd units an image starts by itself, and which it forbids. */
export interface Units {
    /** Linked into a target by `systemctl enable`, or by their vendor below `usr/lib`. Sorted. */
    enabled: string[];
    /** Linked to `/dev/null`. Sorted. */
    masked: string[];
}

const UNIT = /^[A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path|target|mount|automount|swap)$/;
const FOLDERS = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] as const;
const MAX_UNITS = 5_000;

/** As systemd finds them when it starts: links in `*.wants` and `*.requires`, the administrator's before the vendor's. */
export async function readUnits(tree: ImageTree): Promise<Units> {
    const enabled = new Set<string>();
    const masked = new Set<string>();
    for (const folder of FOLDERS) {
        for (const name of await tree.list(folder)) {
            if (UNIT.test(name)) {
                if (await isMasked(tree, `${folder}/${name}`)) masked.add(name);
            } else if (name.endsWith(".wants") || name.endsWith(".requires")) {
                for (const unit of await tree.list(`${folder}/${name}`)) {
                    if (UNIT.test(unit) && enabled.size < MAX_UNITS) enabled.add(unit);
                }
            }
        }
    }
    for (const unit of masked) enabled.delete(unit);
    return { enabled: [...enabled].sort(), masked: [...masked].sort() };
}

async function isMasked(tree: ImageTree, path: string): Promise<boolean> {
    const entry = await tree.linkEntry(path);
    if (entry?.kind === "file") return path.startsWith("/etc/") && entry.size === 0;
    return entry?.kind === "link" && (await tree.linkTarget(path)) === "/dev/null";
}

/** The state of one unit. */
export type UnitState = "enabled" | "disabled" | "masked" | "missing";

/** Whether a unit is there at all needs its file; an instance (`getty@tty1.service`) has its template's. */
export async function unitState(tree: ImageTree, units: Units, unit: string): Promise<UnitState> {
    if (units.masked.includes(unit)) return "masked";
    if (units.enabled.includes(unit)) return "enabled";
    const template = unit.replace(/@[^.]*\./, "@.");
    for (const folder of FOLDERS) {
        for (const name of new Set([unit, template])) {
            if ((await tree.linkEntry(`${folder}/${name}`)) !== undefined) return "disabled";
        }
    }
    return "missing";
}

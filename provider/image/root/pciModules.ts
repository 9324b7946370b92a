import type { ImageTree } from "./tree";

/**
 * Which PCI devices the modules of a kernel drive, compactly: for each vendor and module the device ids, four
 * hexadecimal digits each, one after the other. `"*"` as vendor or as devices stands for any.
 */
export interface PciModules {
    kernel: string;
    devices: Record<string, Record<string, string>>;
    /**
     * Drivers that take any device of a class: `0108`, `010601` with the programming interface (AHCI), `10de:0300` of
     * one vendor.
     */
    classes: Record<string, string[]>;
}

/** A PCI device as it is asked for. */
export interface PciDevice {
    /** Four hexadecimal digits, lower case. */
    vendor: string;
    device: string;
    /** Base class, subclass, programming interface: six hexadecimal digits. */
    class?: string;
}

const MAX_ALIASES = 16 * 2 ** 20;
const MAX_LINES = 100_000;
const ALIAS =
    /^alias pci:v(\*|[0-9A-F]{8})d(\*|[0-9A-F]{8})sv([^s]*)sd([^b]*)bc(\*|[0-9A-F]{2})sc(\*|[0-9A-F]{2})i(\*|[0-9A-F]{2})\*? (\S+)$/;

/** From the `modules.alias` of a kernel, and the modules that are built into it. */
export async function readPciModules(tree: ImageTree, folder: string, kernel: string): Promise<PciModules> {
    const found: PciModules = { kernel, devices: {}, classes: {} };
    addAliases(found, (await tree.readText(`${folder}/modules.alias`, MAX_ALIASES)) ?? "");
    addAliases(
        found,
        builtInAliases(
            (await tree.read(`${folder}/modules.builtin.modinfo`, MAX_ALIASES)) ?? Buffer.alloc(0),
        ),
    );
    return found;
}

/** Adds the lines `alias pci:… module` of a `modules.alias`. */
export function addAliases(found: PciModules, text: string): void {
    let lines = 0;
    for (const line of text.split("\n")) {
        if (!line.startsWith("alias pci:")) continue;
        const [, vendor = "", device = "", , , base = "", sub = "", programming = "", module = ""] =
            ALIAS.exec(line) ?? [];
        if (module === "" || ++lines > MAX_LINES) continue;
        const hasClass = base !== "*" && sub !== "*";
        if (device !== "*") addDevice(found, short(vendor), short(device), module);
        else if (hasClass) addClass(found, short(vendor), `${base}${sub}${programming}`, module);
        // A driver that takes every device of every vendor (vfio-pci) drives none by itself.
        else if (vendor !== "*") addDevice(found, short(vendor), "*", module);
    }
}

function addClass(found: PciModules, vendor: string, code: string, module: string): void {
    const key = `${vendor === "*" ? "" : `${vendor}:`}${code.replace("*", "").toLowerCase()}`;
    const modules = (found.classes[key] ??= []);
    if (!modules.includes(module) && modules.length < 20) modules.push(module);
}

function addDevice(found: PciModules, vendor: string, device: string, module: string): void {
    const modules = (found.devices[vendor] ??= {});
    const devices = modules[module] ?? "";
    if (devices === "*" || (device !== "*" && hasDevice(devices, device))) return;
    modules[module] = device === "*" ? "*" : devices + device;
}

/** `00008086` in the alias; ids have 16 bits. */
function short(id: string): string {
    return id === "*" ? "*" : id.slice(4).toLowerCase();
}

function hasDevice(devices: string, device: string): boolean {
    for (let at = 0; at < devices.length; at += 4) if (devices.startsWith(device, at)) return true;
    return false;
}

/** NUL-separated `module.key=value`, as the kernel keeps it of its built-in modules. */
function builtInAliases(modinfo: Buffer): string {
    return modinfo
        .toString("latin1")
        .split("\0")
        .map((item) => /^([^.]+)\.alias=(pci:.*)$/.exec(item))
        .filter((match) => match !== null)
        .map(([, module = "", alias = ""]) => `alias ${alias} ${module}`)
        .join("\n");
}

/** The modules that drive a device; none when the kernel has no driver for it. */
export function modulesFor(
    { devices, classes }: PciModules,
    { vendor, device, class: code }: PciDevice,
): string[] {
    const found = new Set<string>();
    for (const [module, ids] of [devices["*"], devices[vendor]].flatMap((one) => Object.entries(one ?? {}))) {
        if (ids === "*" || hasDevice(ids, device)) found.add(module);
    }
    if (code !== undefined) {
        const keys = [code.slice(0, 4), code].flatMap((key) => [key, `${vendor}:${key}`]);
        for (const module of keys.flatMap((key) => classes[key] ?? [])) found.add(module);
    }
    return [...found].sort();
}

import * as yaml from "yaml";
import type { PackageList } from "./packages";
import { parseShellAssignments } from "./osRelease";
import type { ImageTree } from "./tree";
import type { Units } from "./units";

/** What decides whether cloud-init runs at the first boot. */
export interface CloudInit {
    installed: boolean;
    version?: string;
    /** Whether something starts it, and nothing keeps it from running. */
    enabled: boolean;
    /** Why it is not enabled. */
    why?: string;
    /** `datasource_list` of the configuration; absent: cloud-init's own list. */
    datasources?: string[];
}

const MAX_CONFIG = 256 * 1024;
const MAX_CONFIGS = 100;
/** Of any of cloud-init's stages, whose names have changed over its releases. */
const SERVICES = ["cloud-init.service", "cloud-init-local.service", "cloud-init-main.service"];

/** Looks at the package, its services, and the three ways to switch it off: a file, ds-identify, the kernel's command line. */
export async function readCloudInit(
    tree: ImageTree,
    packages: PackageList | undefined,
    units: Units,
): Promise<CloudInit> {
    const found = packages?.packages.find(({ name }) => name === "cloud-init");
    const installed = packages ? found !== undefined : await tree.exists("/usr/bin/cloud-init");
    const why = installed ? await whyDisabled(tree, units) : "it is not installed";
    const datasources = await readDatasources(tree);
    return {
        installed,
        ...(found ? { version: found.version } : {}),
        enabled: why === undefined,
        ...(why === undefined ? {} : { why }),
        ...(datasources ? { datasources } : {}),
    };
}

async function whyDisabled(tree: ImageTree, units: Units): Promise<string | undefined> {
    if (await tree.exists("/etc/cloud/cloud-init.disabled")) return "/etc/cloud/cloud-init.disabled is there";
    const masked = SERVICES.find((service) => units.masked.includes(service));
    if (masked !== undefined) return `${masked} is masked`;
    const cmdline = await commandLineSwitch(tree);
    if (cmdline !== undefined) return cmdline;
    const identify = parseShellLike(await tree.readText("/etc/cloud/ds-identify.cfg", MAX_CONFIG));
    if (/(^|,)\s*disabled\b/.test(identify.get("policy") ?? ""))
        return "/etc/cloud/ds-identify.cfg says policy: disabled";
    if (await isStarted(tree, units)) return undefined;
    return "no service of it is enabled";
}

/** cloud-init's generator links cloud-init.target at boot; where there is none, its services must be linked themselves. */
async function isStarted(tree: ImageTree, units: Units): Promise<boolean> {
    if (SERVICES.some((service) => units.enabled.includes(service))) return true;
    const generators = [
        "/usr/lib/systemd/system-generators/cloud-init-generator",
        "/lib/systemd/system-generators/cloud-init-generator",
    ];
    for (const generator of generators) {
        const entry = await tree.entry(generator);
        if (entry?.kind === "file") return (entry.mode & 0o111) !== 0;
    }
    return false;
}

/** `cloud-init=disabled` on the kernel's command line, where an image writes it. */
async function commandLineSwitch(tree: ImageTree): Promise<string | undefined> {
    const off = /\bcloud-init=disabled\b/;
    const files = [
        "/etc/kernel/cmdline",
        "/usr/lib/kernel/cmdline",
        "/boot/grub/grub.cfg",
        "/boot/grub2/grub.cfg",
    ];
    for (const file of files) {
        if (off.test(withoutComments(await tree.readText(file, MAX_CONFIG * 4))))
            return `${file} says cloud-init=disabled`;
    }
    const defaults = [
        "/etc/default/grub",
        ...(await tree.list("/etc/default/grub.d")).map((name) => `/etc/default/grub.d/${name}`),
    ];
    for (const file of defaults.slice(0, MAX_CONFIGS)) {
        if (off.test(withoutComments(await tree.readText(file, MAX_CONFIG))))
            return `${file} says cloud-init=disabled`;
    }
    return undefined;
}

function withoutComments(text = ""): string {
    return text.replace(/^\s*#.*$/gm, "");
}

/** ds-identify.cfg is `key: value` a line, with shell comments. */
function parseShellLike(text = ""): Map<string, string> {
    return parseShellAssignments(
        text.replace(
            /^\s*([A-Za-z_.]+)\s*:\s*([^#\n]*).*$/gm,
            (_line, key: string, value: string) => `${key.replace(/\./g, "_")}=${value.trim()}`,
        ),
    );
}

/** The last of cloud.cfg and the files in cloud.cfg.d decides. */
async function readDatasources(tree: ImageTree): Promise<string[] | undefined> {
    const extra = (await tree.list("/etc/cloud/cloud.cfg.d")).filter((name) => name.endsWith(".cfg"));
    const files = [
        "/etc/cloud/cloud.cfg",
        ...extra.slice(0, MAX_CONFIGS).map((name) => `/etc/cloud/cloud.cfg.d/${name}`),
    ];
    let list: string[] | undefined;
    for (const file of files) {
        const found = datasourceList(await tree.readText(file, MAX_CONFIG));
        if (found) list = found;
    }
    return list;
}

function datasourceList(text = ""): string[] | undefined {
    if (!text.includes("datasource_list")) return undefined;
    try {
        const parsed: unknown = yaml.parse(text, { maxAliasCount: 20, logLevel: "silent" });
        const list: unknown = (parsed as { datasource_list?: unknown } | null)?.datasource_list;
        if (!Array.isArray(list)) return undefined;
        return list.filter((name) => typeof name === "string").slice(0, 50);
    } catch {
        return undefined;
    }
}

import { EdgeError } from "../../resource/errors";
import { quote } from "../../process/quote";
import type { ImageRoot, ShellOptions } from "./imageRoot";
import type { Step } from "./schema";

type Packages = NonNullable<Step["packages"]>;

/** What an image installs its packages with, in the order it is looked for. */
const MANAGERS = ["zypper", "dnf", "apt-get"] as const;
type Manager = (typeof MANAGERS)[number];

/** Installs and removes packages with what the image has, without a question. */
export async function changePackages(
    packages: Packages,
    root: ImageRoot,
    options: ShellOptions,
): Promise<void> {
    const manager = await managerOf(root, options);
    const script = commands(manager, packages).join("\n");
    const environment = { DEBIAN_FRONTEND: "noninteractive", ...options.environment };
    await root.shell(script, { ...options, environment });
}

async function managerOf(root: ImageRoot, options: ShellOptions): Promise<Manager> {
    const look = MANAGERS.map((name) => `found=$(command -v ${name}) && echo ${name}`).join("; ");
    const { stdout } = await root.tryShell(`${look}; true`, {
        ...options,
        title: "looking for a package manager",
    });
    const found = MANAGERS.find((name) => stdout.split("\n").includes(name));
    if (found) return found;
    throw new EdgeError(`${options.title}: the image has none of ${MANAGERS.join(", ")}`);
}

function commands(manager: Manager, { install = [], remove = [], refresh = true }: Packages): string[] {
    const names = (list: readonly string[]): string => list.map(quote).join(" ");
    const lines: Record<Manager, { refresh: string; install: string; remove: string }> = {
        zypper: {
            refresh: "zypper --non-interactive refresh",
            install: `zypper --non-interactive install --auto-agree-with-licenses ${names(install)}`,
            remove: `zypper --non-interactive remove ${names(remove)}`,
        },
        dnf: {
            refresh: "dnf -y makecache",
            install: `dnf -y install ${names(install)}`,
            remove: `dnf -y remove ${names(remove)}`,
        },
        "apt-get": {
            refresh: "apt-get -q update",
            install: `apt-get -q -y -o Dpkg::Options::=--force-confold install ${names(install)}`,
            remove: `apt-get -q -y remove ${names(remove)}`,
        },
    };
    return [
        ...(refresh && install.length > 0 ? [lines[manager].refresh] : []),
        ...(remove.length > 0 ? [lines[manager].remove] : []),
        ...(install.length > 0 ? [lines[manager].install] : []),
    ];
}

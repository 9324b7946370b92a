import { failed, type ImageCheck, passed } from "../check";
import type { ContentExpectations } from "../expect.schema";
import { compareDebVersions } from "../root/debVersion";
import { type PackageList, parseConstraint, satisfies, versionOrder } from "../root/packages";
import { modulesFor } from "../root/pciModules";
import { unitState } from "../root/units";
import { judgeCloudInit } from "./cloudInit";
import { partOf, type Seen, withoutRoot } from "./seen";

/** Agents that EMT's images bring for EMF (edge-microvisor-toolkit agents-packages.json). */
export const NODE_AGENTS = [
    "node-agent",
    "hardware-discovery-agent",
    "cluster-agent",
    "in-band-manageability",
    "platform-update-agent",
    "platform-telemetry-agent",
    "platform-observability-agent",
] as const;

/** Distribution, architecture, packages, kernel, units, cloud-init, drivers, agents. */
export async function judgeSystem(expect: ContentExpectations, seen: Seen): Promise<ImageCheck[]> {
    const checks: ImageCheck[] = [];
    const { os, architecture, packages = {}, kernel, units, cloudInit, pciIds = [], nodeAgents } = expect;
    if (os?.id !== undefined) checks.push(judgeOsId(os.id, seen));
    if (os?.versionId !== undefined) checks.push(judgeOsVersion(os.versionId, seen));
    if (architecture !== undefined) checks.push(judgeArchitecture("root.architecture", architecture, seen));
    for (const [name, wanted] of Object.entries(packages)) {
        checks.push(judgePackage(`package.${name}`, name, wanted, seen));
    }
    if (kernel !== undefined) checks.push(judgeKernel(kernel, seen));
    if (units) checks.push(...(await judgeUnits(units, seen)));
    if (cloudInit !== undefined && cloudInit !== false) {
        checks.push(...judgeCloudInit("cloud-init", seen, Array.isArray(cloudInit) ? cloudInit : []));
    }
    for (const id of new Set(pciIds)) checks.push(judgePci(id, seen));
    const agents = nodeAgents === true ? NODE_AGENTS : nodeAgents === false ? [] : (nodeAgents ?? []);
    for (const agent of agents) checks.push(judgeAgent(`agent.${agent}`, agent, seen));
    return checks;
}

function judgeOsId(wanted: string, seen: Seen): ImageCheck {
    const id = "os.id";
    const part = partOf(seen, "os", id);
    if ("check" in part) return part.check;
    const { id: found } = part.value;
    return found.toLowerCase() === wanted.toLowerCase()
        ? passed(id, found)
        : failed(id, found, `is ${found}, not ${wanted}`);
}

function judgeOsVersion(wanted: string, seen: Seen): ImageCheck {
    const id = "os.version";
    const part = partOf(seen, "os", id);
    if ("check" in part) return part.check;
    const found = part.value.versionId ?? "";
    return found === wanted || found.startsWith(`${wanted}.`)
        ? passed(id, found)
        : failed(id, found || "no VERSION_ID", `is version ${found || "unknown"}, not ${wanted}`);
}

/** Of the programs in the image. */
export function judgeArchitecture(id: string, wanted: string, seen: Seen): ImageCheck {
    const part = partOf(seen, "architecture", id);
    if ("check" in part) return part.check;
    return part.value === wanted
        ? passed(id, part.value)
        : failed(id, part.value, `its programs are built for ${part.value}, not for ${wanted}`);
}

/** `wanted` is "present", "absent" or a constraint. */
export function judgePackage(id: string, name: string, wanted: string, seen: Seen): ImageCheck {
    const part = partOf(seen, "packages", id);
    if ("check" in part) return part.check;
    const { manager } = part.value;
    const versions = versionsOf(part.value, name);
    const shown = versions.join(", ") || "not installed";
    if (wanted === "absent") {
        return versions.length === 0
            ? passed(id, shown)
            : failed(id, shown, `${name} is installed, but must not be`);
    }
    if (versions.length === 0) return failed(id, shown, `${name} is not installed (${manager})`);
    const constraint = wanted === "present" ? [] : (parseConstraint(wanted) ?? []);
    // Several versions of one package (kernels) are fine when one of them is what is wanted.
    return versions.some((version) => satisfies(version, constraint, versionOrder(manager)))
        ? passed(id, shown)
        : failed(id, shown, `${name} is ${shown}, but must be ${wanted}`);
}

function versionsOf({ packages }: PackageList, name: string): string[] {
    return [...new Set(packages.filter((one) => one.name === name).map(({ version }) => version))];
}

function judgeKernel(wanted: string, seen: Seen): ImageCheck {
    const id = "root.kernel";
    const part = partOf(seen, "kernels", id);
    if ("check" in part) return part.check;
    const newest = part.value.at(-1);
    if (!newest)
        return failed(id, "no kernel", `there is no kernel in /boot or /usr/lib/modules, wanted ${wanted}`);
    return satisfies(newest.version, parseConstraint(wanted) ?? [], compareDebVersions)
        ? passed(id, newest.version)
        : failed(id, newest.version, `the newest kernel is ${newest.version}, but must be ${wanted}`);
}

async function judgeUnits(
    wanted: NonNullable<ContentExpectations["units"]>,
    seen: Seen,
): Promise<ImageCheck[]> {
    const checks: ImageCheck[] = [];
    for (const expected of ["enabled", "disabled", "masked"] as const) {
        for (const unit of new Set(wanted[expected])) checks.push(await judgeUnit(unit, expected, seen));
    }
    return checks;
}

async function judgeUnit(
    unit: string,
    expected: "enabled" | "disabled" | "masked",
    seen: Seen,
): Promise<ImageCheck> {
    const id = `unit.${unit}`;
    const part = partOf(seen, "units", id);
    if ("check" in part) return part.check;
    if (!seen.root) return withoutRoot(seen.rootCheck, id);
    const state = await unitState(seen.root.tree, part.value, unit);
    const isMet = expected === "disabled" ? state !== "enabled" : state === expected;
    if (isMet) return passed(id, state);
    const what = state === "missing" ? "is not in the image" : `is ${state}`;
    return failed(id, state, `${unit} ${what}, but must be ${expected}`);
}

function judgePci(pciId: string, seen: Seen): ImageCheck {
    const id = `pci.${pciId}`;
    const part = partOf(seen, "pci", id);
    if ("check" in part) return part.check;
    const [vendor = "", device = "", code] = pciId.split(":");
    const modules = modulesFor(part.value, {
        vendor,
        device,
        ...(code === undefined ? {} : { class: code }),
    });
    const { kernel } = part.value;
    return modules.length > 0
        ? passed(id, `${modules.slice(0, 5).join(", ")} in ${kernel}`)
        : failed(id, `nothing in ${kernel}`, `kernel ${kernel} has no driver for PCI device ${pciId}`);
}

/** An agent is installed, and nothing keeps it from being started. */
export function judgeAgent(id: string, agent: string, seen: Seen): ImageCheck {
    const installed = judgePackage(id, agent, "present", seen);
    if (installed.verdict !== "passed") {
        return installed.verdict === "failed"
            ? { ...installed, message: `${installed.message}: EMF cannot manage the host without it` }
            : installed;
    }
    const masked = seen.root?.contents.units?.masked.includes(`${agent}.service`);
    return masked ? failed(id, "masked", `${agent}.service is masked, so it never starts`) : installed;
}

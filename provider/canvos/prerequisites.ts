import * as fs from "node:fs/promises";
import { findTool } from "../process/tools";
import type { Context } from "../resource/context";
import { messageOf } from "../resource/errors";
import { missingBaseSettings } from "./baseImage.script";
import type { Docker } from "./docker";
import type { BuildPlan } from "./build.plan";
import type { Builder } from "./builder";
import { placeOf } from "./push";
import { assertLogin } from "./registryImages";

const GIB = 1024 ** 3;
/** What CanvOS's documentation and its users' Makefiles ask for; a build that runs out of it fails after minutes. */
const IMAGE_GIB = 8;
const ISO_GIB = 8;
const FIRST_WITH_PLUGIN = 23;

const TOLD = ["{{.DockerRootDir}}", "{{.Architecture}}", "{{.SecurityOptions}}"];
const REMAPPED =
    "the Docker engine maps users to others (userns-remap), and gives no container the privileges that Earthly's build takes: " +
    "take that out of its daemon.json, or set dockerHost to another engine";
/** A preview does not wait for a registry that does not answer. */
const PREVIEW_LIMIT = 5000;

/** What a build needs of this machine and has not, each with what to do. */
export async function prerequisiteProblems(
    plan: BuildPlan,
    builder: Builder,
    context: Pick<Context<unknown>, "signal" | "preview">,
    { pushes }: { pushes: boolean },
): Promise<string[]> {
    const problems = await machineProblems(plan, builder, context.signal);
    if (pushes) problems.push(...(await loginProblems(plan, builder, context)));
    return problems;
}

async function machineProblems(
    { makes, variables, names, base }: BuildPlan,
    { docker, settings, host }: Builder,
    signal: AbortSignal,
): Promise<string[]> {
    const problems: string[] = [];
    for (const tool of ["bash", "git", "docker"]) {
        if (findTool(tool) === undefined) problems.push(`there is no ${tool} on PATH: install it`);
    }
    const missing = base ? missingBaseSettings(base, settings) : [];
    if (missing.length > 0) {
        problems.push(
            `the base image ${base?.reference ?? ""} takes ${missing.join(", ")} of the settings edge-os:canvos: set them as secrets`,
        );
    }
    if (problems.length > 0) return problems;
    let root: string;
    try {
        const told = await docker.text(["info", "--format", TOLD.join("\t")], { signal, timeLimit: 15_000 });
        const [folder = "", architecture = "", security = ""] = told.trim().split("\t");
        root = folder;
        problems.push(...(await emulationProblems(variables.ARCH ?? "", architecture)));
        if (/\bname=userns\b/.test(security)) problems.push(REMAPPED);
    } catch (error) {
        signal.throwIfAborted();
        return [messageOf(error)];
    }
    if (base && base.secrets.length > 0) problems.push(...(await buildKitProblems(docker, signal)));
    const images = makes.providerImages ? Object.keys(names.providers).length : 0;
    const wanted = images * IMAGE_GIB + (makes.iso ? ISO_GIB : 0);
    problems.push(...(await spaceProblems([root, settings.workDirectory], leastDisk(host.env) ?? wanted)));
    return problems;
}

/** A login that is refused is told before a build of many minutes, and not after it. */
async function loginProblems(
    { makes, names }: BuildPlan,
    builder: Builder,
    { signal, preview }: Pick<Context<unknown>, "signal" | "preview">,
): Promise<string[]> {
    const [reference] = makes.providerImages ? Object.values(names.providers) : [];
    if (reference === undefined) return [];
    const limit = preview ? AbortSignal.timeout(PREVIEW_LIMIT) : undefined;
    try {
        await assertLogin(reference, builder, limit ? AbortSignal.any([signal, limit]) : signal);
        return [];
    } catch (error) {
        signal.throwIfAborted();
        const why = limit?.aborted ? `no answer within ${PREVIEW_LIMIT / 1000} s` : messageOf(error);
        return [`nothing can be pushed to ${placeOf(reference).registry}: ${why}`];
    }
}

/** Secrets of a build are known to BuildKit only, which newer clients have as a plugin of its own. */
async function buildKitProblems(docker: Docker, signal: AbortSignal): Promise<string[]> {
    const options = { signal, timeLimit: 15_000 };
    const version = await docker.text(["version", "--format", "{{.Client.Version}}"], options);
    if (parseInt(version, 10) < FIRST_WITH_PLUGIN) return [];
    const hasPlugin = await docker.text(["buildx", "version"], options).then(
        () => true,
        () => false,
    );
    signal.throwIfAborted();
    return hasPlugin
        ? []
        : [
              "the base image takes secrets, which Docker hands over with BuildKit only: install its plugin buildx (docker-buildx)",
          ];
}

/** Those who know their builds know better. */
function leastDisk({ EDGE_OS_CANVOS_LEAST_DISK_GB: given }: Builder["host"]["env"]): number | undefined {
    return given === undefined || given === "" || Number.isNaN(Number(given)) ? undefined : Number(given);
}

/** Docker's own folder may be on another machine, and then is not judged. */
async function spaceProblems(folders: readonly string[], least: number): Promise<string[]> {
    const problems: string[] = [];
    for (const folder of folders) {
        const stat = await fs.statfs(folder).catch(() => undefined);
        if (!stat) continue;
        const free = (stat.bavail * stat.bsize) / GIB;
        if (free < least) {
            problems.push(
                `${folder} has ${free.toFixed(1)} GiB free, and this build takes about ${least}: make room (docker system prune; ` +
                    "old builds are in builds of edge-os:canvos's workDirectory), or set EDGE_OS_CANVOS_LEAST_DISK_GB where you know better",
            );
        }
    }
    return problems;
}

const SAME: Readonly<Record<string, readonly string[]>> = {
    amd64: ["x86_64", "amd64"],
    arm64: ["aarch64", "arm64"],
};

/** The kernel of the Docker machine has to know what to run foreign programs with. */
async function emulationProblems(wanted: string, machine: string): Promise<string[]> {
    if (wanted === "" || (SAME[wanted] ?? [wanted]).includes(machine)) return [];
    const name = wanted === "arm64" ? "qemu-aarch64" : "qemu-x86_64";
    const isThere = await fs.access(`/proc/sys/fs/binfmt_misc/${name}`).then(
        () => true,
        () => false,
    );
    if (isThere || process.platform !== "linux") return [];
    return [
        `images for ${wanted} are built on ${machine}, which has no emulation for it: install qemu-user-static and binfmt-support, ` +
            `or set dockerHost to a machine of that architecture`,
    ];
}

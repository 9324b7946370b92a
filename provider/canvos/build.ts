import * as fs from "node:fs";
import * as path from "node:path";
import { redact } from "../http/redact";
import { FileLock } from "../process/fileLock";
import type { ProcessIdentity } from "../process/processIdentity";
import type { Context } from "../resource/context";
import { EdgeError, messageOf } from "../resource/errors";
import { prepareBase, type BaseSettings } from "./baseImage.script";
import type { BuildPlan } from "./build.plan";
import type { BuildResult } from "./build.types";
import { adviceOn, BuildLog, whyFailed } from "./buildLog";
import { collectResult, keptResult } from "./buildResult";
import type { Docker } from "./docker";
import { userDataSecrets } from "./expectations";
import type { Git } from "./git";
import {
    buildFolder,
    endSupervisor,
    noteBase,
    noteSeconds,
    removeLogins,
    startSupervisor,
    stateOf,
    wasStarted,
    type BuildFolder,
} from "./supervisor";
import { prepareTree } from "./tree";

type BuildContext = Pick<Context<unknown>, "title" | "signal" | "sleep" | "progress" | "log" | "now">;

export interface BuildTools {
    docker: Docker;
    git: Git;
    /** Folder of all builds of this user. */
    work: string;
    /** Text of a Docker configuration with the logins that the build needs. */
    dockerConfig: () => Promise<string>;
    secrets: readonly string[];
    settings: BaseSettings;
}

const LOOK_AGAIN = 500;
/** An engine that does not answer must not hold up a cancellation. */
const CLEAN_UP = 60_000;
const KEPT_AFTER_FAILURE = 7 * 24 * 60 * 60_000;

/** Folder of the build of these inputs. */
export function folderOf(work: string, inputHash: string): BuildFolder {
    return buildFolder(path.join(work, "builds", inputHash.slice(0, 16)));
}

/**
 * Brings the build of a plan to its end: one that has ended well is taken as it is, one that an earlier run has
 * started is followed, and otherwise it is started. One that has failed is begun anew, never continued.
 */
export async function build(plan: BuildPlan, given: BuildTools, context: BuildContext): Promise<BuildResult> {
    // What validates user-data in the build may print it.
    const tools = {
        ...given,
        secrets: [...given.secrets, ...userDataSecrets(plan).map(({ value }) => value)],
    };
    const folder = folderOf(tools.work, plan.inputHash);
    const state = stateOf(folder);
    if (state.state === "running") {
        context.log.info(`goes on with the build that an earlier run has started (${folder.log})`);
        await follow(folder, state.process, tools, context);
    } else if (state.state === "ended" && state.code === 0) {
        const kept = await keptResult(plan, folder, tools.docker, context.signal);
        if (kept) return kept;
        context.log.info(
            "what the build of these inputs has left is gone from this machine: it is built anew",
        );
        await removeFolder(folder);
        await startAndFollow(plan, folder, tools, context);
    } else {
        await startAndFollow(plan, folder, tools, context);
    }
    return collectResult(plan, folder, tools.docker, context.signal);
}

async function startAndFollow(
    plan: BuildPlan,
    folder: BuildFolder,
    tools: BuildTools,
    context: BuildContext,
): Promise<void> {
    const { docker, work } = tools;
    const { signal, sleep, progress, now } = context;
    // CanvOS's helper containers have fixed names: two builds with one daemon would end each other's.
    const lock = await FileLock.take(
        path.join(work, `docker-${safeName(await docker.daemonId({ signal }))}.lock`),
        {
            what: context.title,
            sleep,
            onWait: (what) => progress(`waits for the build of ${what}, which uses the same Docker daemon`),
        },
    );
    let supervisor: ProcessIdentity | undefined;
    try {
        const state = stateOf(folder);
        if (state.state === "ended" && state.code === 0) {
            lock.release();
            return;
        }
        progress("preparing the checkout");
        if (state.state === "lost") await removeContainers(folder, docker);
        await removeFolder(folder);
        await tidyUp(path.dirname(folder.path), now());
        const begun = now();
        await prepare(plan, folder, tools, signal);
        noteSeconds(folder, "checkout", (now() - begun) / 1000);
        if (plan.builtFrom !== undefined) noteBase(folder, plan.builtFrom);
        signal.throwIfAborted();
        const job = {
            targets: plan.targets,
            args: commandLine(plan.variables),
            env: await buildEnvironment(plan, folder, docker),
        };
        supervisor = startSupervisor(folder, job, ({ pid }) => {
            lock.handTo(pid);
        });
    } catch (error) {
        // What cannot be removed is what the error is about, or the next run's first step.
        if (!supervisor) await removeFolder(folder).catch(() => undefined);
        lock.release();
        throw error;
    }
    await follow(folder, supervisor, tools, context);
}

/**
 * A build that was killed together with the run that followed it had nobody to take its logins away, and one that failed
 * for other inputs than today's is of use to nobody once its log is old.
 */
async function tidyUp(builds: string, now: number): Promise<void> {
    for (const name of fs.existsSync(builds) ? fs.readdirSync(builds) : []) {
        const each = buildFolder(path.join(builds, name));
        const state = stateOf(each);
        const hasFailed = state.state === "ended" ? state.code !== 0 : state.state === "lost";
        if (!hasFailed || !wasStarted(each)) continue;
        removeLogins(each);
        const { mtimeMs } = fs.statSync(each.log, { throwIfNoEntry: false }) ?? fs.statSync(each.path);
        if (now - mtimeMs > KEPT_AFTER_FAILURE) await removeFolder(each).catch(() => undefined);
    }
}

async function prepare(
    plan: BuildPlan,
    folder: BuildFolder,
    { git, docker, dockerConfig, settings }: BuildTools,
    signal: AbortSignal,
): Promise<void> {
    const config = path.join(folder.home, ".docker");
    fs.mkdirSync(config, { recursive: true, mode: 0o700 });
    fs.chmodSync(folder.path, 0o700);
    // BuildKit may be one of the user's own plugins.
    const plugins = path.join(
        docker.env.DOCKER_CONFIG ?? path.join(docker.env.HOME ?? "", ".docker"),
        "cli-plugins",
    );
    if (fs.existsSync(plugins)) fs.symlinkSync(plugins, path.join(config, "cli-plugins"));
    await prepareTree(folder.tree, plan, git, signal);
    if (plan.base) await prepareBase(plan.base, folder, settings);
    // Last, since nobody takes it away if this run is killed before the build is started.
    fs.writeFileSync(path.join(config, "config.json"), await dockerConfig(), { mode: 0o600 });
    if (!plan.exactTag) return;
    // An older image of this tag would be taken for the build's own.
    for (const reference of Object.values(plan.names.providers)) {
        if ((await docker.imageId(reference, { signal })) !== undefined) {
            await docker.text(["image", "rm", "--no-prune", reference], { signal });
        }
    }
}

/** What CanvOS takes from the command line wins over the file, so that a variable cannot have two values. */
function commandLine(variables: Readonly<Record<string, string>>): string[] {
    return ["ARCH", "K8S_VERSION", "PE_VERSION"].flatMap((name) => {
        const value = variables[name];
        return value === undefined || value === "" ? [] : [`--${name}=${value}`];
    });
}

async function buildEnvironment(
    { environment }: BuildPlan,
    { home }: BuildFolder,
    docker: Docker,
): Promise<Record<string, string>> {
    const passed = ["PATH", "LANG", "TMPDIR", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "SSH_AUTH_SOCK"];
    const given = passed.flatMap((name) => {
        const value = docker.env[name];
        return value === undefined ? [] : [[name, value] as const];
    });
    return { ...Object.fromEntries(given), HOME: home, DOCKER_HOST: await docker.host(), ...environment };
}

/** Waits for a build's end; a cancellation ends the build. */
async function follow(
    folder: BuildFolder,
    supervisor: ProcessIdentity,
    { docker, secrets }: BuildTools,
    { signal, sleep, progress, now }: BuildContext,
): Promise<void> {
    const log = new BuildLog(folder.log);
    const begun = fs.statSync(folder.log).birthtimeMs || now();
    try {
        for (;;) {
            const state = stateOf(folder);
            log.readOn();
            const said = redact(describe(log, now() - begun), secrets);
            progress(said);
            if (state.state !== "running") {
                // What it has started does not end with it.
                if (state.state === "lost") await stopBuild(folder, supervisor, docker);
                judge(state.state === "ended" ? state.code : undefined, folder, secrets);
                return;
            }
            await sleep(LOOK_AGAIN);
        }
    } catch (error) {
        if (signal.aborted) {
            await stopBuild(folder, supervisor, docker);
            throw new EdgeError(`${messageOf(signal.reason)}: the build was ended (its log: ${folder.log})`);
        }
        throw error;
    }
}

function judge(code: number | undefined, { log }: BuildFolder, secrets: readonly string[]): void {
    if (code === 0) return;
    if (code === undefined) {
        throw new EdgeError(
            `the build was killed from outside, or the machine went down (log: ${log}): run again, and it is begun anew`,
        );
    }
    const said = redact(whyFailed(log), secrets);
    const lines = [`the build failed (exit code ${code}):`, said, ...adviceOn(said), `The whole log: ${log}`];
    throw new EdgeError(lines.join("\n"));
}

/** Ends the processes of a build and the containers that it has started. */
export async function stopBuild(
    folder: BuildFolder,
    supervisor: ProcessIdentity,
    docker: Docker,
): Promise<void> {
    // Not the context's own: it is over once a run is cancelled.
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    await endSupervisor(supervisor, sleep);
    removeLogins(folder);
    await removeContainers(folder, docker);
    const ended = path.join(folder.path, "ended");
    if (!fs.existsSync(ended)) fs.writeFileSync(ended, "143");
}

/** A container's client can be ended without its container; CanvOS's own helper has a name. */
async function removeContainers({ tree }: BuildFolder, docker: Docker): Promise<void> {
    for (const filter of [`volume=${tree}`, "name=^/earthly-buildkitd$"]) {
        const listing = ["ps", "-aq", "--no-trunc", "--filter", filter];
        const ids = (await docker.text(listing, { timeLimit: CLEAN_UP })).split("\n").filter(Boolean);
        // One that ends by itself meanwhile is as good as removed.
        if (ids.length > 0)
            await docker.text(["rm", "-f", ...ids], { timeLimit: CLEAN_UP }).catch(() => undefined);
    }
}

/** Files that containers have made belong to root. */
export async function removeFolder({ path: folder }: BuildFolder): Promise<void> {
    try {
        await fs.promises.rm(folder, { recursive: true, force: true });
    } catch (error) {
        throw new EdgeError(
            `${folder} cannot be removed (${messageOf(error)}): containers of the build wrote it as root. Remove it with sudo rm -rf ${folder}`,
        );
    }
}

function describe({ progress: { target, step } }: BuildLog, elapsed: number): string {
    const seconds = Math.round(elapsed / 1000);
    const time =
        seconds < 60
            ? `${seconds}s`
            : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
    const where = [
        target === undefined ? "building" : `+${target}`,
        ...(step === undefined ? [] : [`step ${step}`]),
    ];
    return `${where.join(" ")}, ${time}`;
}

function safeName(text: string): string {
    return text.replace(/[^A-Za-z0-9]/g, "");
}

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { identifyProcess, isSameProcess, type ProcessIdentity } from "../process/processIdentity";

/** Where CanvOS looks for the login to a private package repository, in its checkout. */
export const LUET_LOGIN = "spectro-luet-auth.yaml";

/**
 * Outlives the run that starts it, and leaves the exit code in a file. Each step is waited for in the background, so
 * that an end from outside is seen at once. The logins go with the build. It begins when it is told to: one that
 * nobody has noted down would build where the next run begins anew.
 */
const SUPERVISOR = `
folder=$1; targets=$2; shift 2
read -r word
[ "$word" = go ] || exit 0
exec </dev/null
finish() {
    rm -rf "$folder/home" "$folder/tree/${LUET_LOGIN}"
    printf %s "$1" >"$folder/ended.part" && mv "$folder/ended.part" "$folder/ended"
    exit 0
}
trap 'finish 143' TERM INT HUP
cd "$folder/tree" || finish 127
code=0
run() {
    name=$1; shift
    begun=$(date +%s)
    "$@" & wait $!
    code=$?
    printf '%s %s\\n' "$name" $(($(date +%s) - begun)) >>"$folder/seconds"
}
if [ -f "$folder/base" ]; then
    printf -- '--- base image\\n'
    run baseImage sh "$folder/base"
    [ $code -eq 0 ] || finish $code
fi
for target in $targets; do
    printf -- '--- ./earthly.sh +%s\\n' "$target"
    run "+$target" ./earthly.sh "+$target" "$@"
    [ $code -eq 0 ] || break
done
finish $code
`;

/** Files of a build, beside each other in its folder. */
export interface BuildFolder {
    readonly path: string;
    /** The private checkout. */
    readonly tree: string;
    /** The build's home folder, with the logins that it needs. */
    readonly home: string;
    readonly log: string;
    /** The step that builds the base image, where there is one. */
    readonly base: string;
    /** How long each step has taken: `checkout 3`, `+iso 240`. */
    readonly seconds: string;
}

export function buildFolder(folder: string): BuildFolder {
    return {
        path: folder,
        tree: path.join(folder, "tree"),
        home: path.join(folder, "home"),
        log: path.join(folder, "log"),
        base: path.join(folder, "base"),
        seconds: path.join(folder, "seconds"),
    };
}

/** Notes what base image a build began with: its tag may be another image's by the time that it ends. */
export function noteBase({ path: folder }: BuildFolder, reference: string): void {
    fs.writeFileSync(path.join(folder, "built-from"), reference);
}

export function baseIn({ path: folder }: BuildFolder): string | undefined {
    return readText(path.join(folder, "built-from"));
}

export function noteSeconds({ seconds }: BuildFolder, step: string, taken: number): void {
    fs.appendFileSync(seconds, `${step} ${taken.toFixed(1)}\n`);
}

/** How long each step of a build has taken, in seconds. */
export function secondsIn({ seconds }: BuildFolder): Record<string, number> {
    const lines = (readText(seconds) ?? "").split("\n").filter((line) => /^\S+ \d+(?:\.\d+)?$/.test(line));
    return Object.fromEntries(lines.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
}

/** Removes the logins that a build was given, and nothing else of it. */
export function removeLogins({ home, tree }: BuildFolder): void {
    for (const place of [home, path.join(tree, LUET_LOGIN)])
        fs.rmSync(place, { recursive: true, force: true });
}

export type BuildState =
    | { state: "none" }
    | { state: "running"; process: ProcessIdentity }
    | { state: "ended"; code: number }
    /** It was killed, or the machine was started again. */
    | { state: "lost" };

export function stateOf(folder: BuildFolder): BuildState {
    const code = exitCodeIn(folder);
    if (code !== undefined) return { state: "ended", code };
    const process = supervisorIn(folder);
    if (process === undefined) return { state: fs.existsSync(folder.path) ? "lost" : "none" };
    if (isSameProcess(process)) return { state: "running", process };
    // It may have ended between the two looks.
    const last = exitCodeIn(folder);
    return last === undefined ? { state: "lost" } : { state: "ended", code: last };
}

/** One that is only being prepared is not. */
export function wasStarted(folder: BuildFolder): boolean {
    return supervisorIn(folder) !== undefined;
}

/** A full disk leaves files without their content. */
function exitCodeIn(folder: BuildFolder): number | undefined {
    const text = readText(path.join(folder.path, "ended")) ?? "";
    return /^\d+$/.test(text) ? Number(text) : undefined;
}

function supervisorIn(folder: BuildFolder): ProcessIdentity | undefined {
    try {
        return JSON.parse(readText(path.join(folder.path, "supervisor")) ?? "") as ProcessIdentity;
    } catch (error) {
        if (error instanceof SyntaxError) return undefined;
        throw error;
    }
}

export interface Job {
    targets: readonly string[];
    args: readonly string[];
    env: Readonly<Record<string, string>>;
}

/**
 * Starts a build in a process group of its own; it goes on when this process ends. `note` is called before anything of
 * it runs, and keeps it from running by throwing.
 */
export function startSupervisor(
    folder: BuildFolder,
    { targets, args, env }: Job,
    note: (supervisor: ProcessIdentity) => void,
): ProcessIdentity {
    const log = fs.openSync(folder.log, "w", 0o600);
    try {
        const child = spawn(
            "/bin/sh",
            ["-c", SUPERVISOR, "edge-os-build", folder.path, targets.join(" "), ...args],
            {
                detached: true,
                stdio: ["pipe", log, log],
                env,
                cwd: folder.path,
            },
        );
        child.unref();
        // One that did not start, or has ended, is told by its state.
        child.once("error", () => undefined);
        child.stdin?.once("error", () => undefined);
        try {
            const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
            if (!identity) throw new Error("the build's supervisor did not start");
            fs.writeFileSync(path.join(folder.path, "supervisor"), JSON.stringify(identity), { mode: 0o600 });
            note(identity);
            child.stdin?.write("go\n");
            return identity;
        } finally {
            child.stdin?.end();
        }
    } finally {
        fs.closeSync(log);
    }
}

const TERM_LIMIT = 5000;

/** Ends a build's processes, all of them. */
export async function endSupervisor(
    process: ProcessIdentity,
    sleep: (ms: number) => Promise<void>,
): Promise<void> {
    signalGroup(process, "SIGTERM");
    for (let waited = 0; waited < TERM_LIMIT && isSameProcess(process); waited += 100) await sleep(100);
    signalGroup(process, "SIGKILL");
}

function signalGroup({ pid }: ProcessIdentity, name: NodeJS.Signals): void {
    try {
        process.kill(-pid, name);
    } catch (error) {
        if (!["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
}

function readText(file: string): string | undefined {
    try {
        return fs.readFileSync(file, "utf8");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
    }
}

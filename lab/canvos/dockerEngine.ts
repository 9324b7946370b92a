import { spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endServer, spawnServer } from "./childServer";

/**
 * Where the bounding set lacks a capability, runc cannot give a privileged container all of them, and refuses: it is
 * asked for those that are there.
 */
const FITTING_RUNTIME = `#!/bin/sh
before=
for word in "$@"; do
    case "$before" in
        --bundle | -b) file=$word/config.json ;;
        --process | -p) file=$word ;;
        *) file= ;;
    esac
    if [ -n "$file" ] && [ -f "$file" ]; then
        sed -i -e 's/"CAP_SYS_RESOURCE",//g' -e 's/,"CAP_SYS_RESOURCE"//g' "$file"
    fi
    before=$word
done
exec runc "$@"
`;
const STARTING_LIMIT = 30_000;
/** Longer ones the system cuts off. */
const LONGEST_SOCKET = 107;

/** A Docker engine: the machine's own, or a private one with its own folder and socket. */
export class DockerEngine {
    private constructor(
        /** `DOCKER_HOST` where it is not the default. */
        readonly env: Readonly<Record<string, string>>,
        private readonly own?: { process: ChildProcess; folder: string; remove: readonly string[] },
    ) {}

    /** The one that `docker` finds, if it answers. */
    static ofMachine(): DockerEngine | undefined {
        return answers({}) ? new DockerEngine({}) : undefined;
    }

    /**
     * A private one, whose images, log and socket are in `folder`, or in a temporary one; only root can start it.
     */
    static async start(given?: string): Promise<DockerEngine> {
        const folder = given ?? fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-docker-"));
        fs.mkdirSync(folder, { recursive: true });
        removeLeftovers(folder);
        const run = fs.mkdtempSync(path.join(os.tmpdir(), RUN_PREFIX));
        fs.writeFileSync(path.join(folder, RUN_NOTE), run);
        for (const storage of ["overlay2", "vfs"]) {
            const process = await startDaemon(folder, run, storage);
            const remove = given === undefined ? [run, folder] : [run];
            if (process) return new DockerEngine(addressIn(folder), { process, folder, remove });
        }
        fs.rmSync(run, { recursive: true, force: true });
        throw new Error(`dockerd does not start:\n${tail(path.join(folder, "log"))}`);
    }

    /** Whether it is a private one. */
    get isPrivate(): boolean {
        return this.own !== undefined;
    }

    /** Runs the `docker` command, and tells what it printed. */
    run(...args: string[]): string {
        const { status, stdout, stderr } = this.docker(args);
        if (status !== 0) throw new Error(`docker ${args.join(" ")}: ${stderr.toString()}`);
        return stdout.toString().trim();
    }

    hasImage(reference: string): boolean {
        return this.docker(["image", "inspect", reference]).status === 0;
    }

    /** Takes these names away, as far as they are there. */
    removeImages(references: readonly string[]): void {
        this.docker(["image", "rm", ...references]);
    }

    /** An image of one folder. */
    importFolder(folder: string, reference: string, ...changes: string[]): void {
        const options = changes.flatMap((change) => ["--change", change]);
        const script = 'tar -C "$0" -c . | docker import "$@"';
        const args = ["-c", script, folder, ...options, "-", reference];
        const { status, stderr } = spawnSync("sh", args, { env: { ...process.env, ...this.env } });
        if (status !== 0) throw new Error(`docker import: ${stderr.toString()}`);
    }

    /** Ends a private engine with its containers; its images stay in the folder that it was given. */
    async close(): Promise<void> {
        if (!this.own) return;
        const { process: daemon, remove, folder } = this.own;
        const containers = this.run("ps", "-aq").split("\n").filter(Boolean);
        if (containers.length > 0) this.run("rm", "-f", ...containers);
        await endServer(daemon);
        unmountBelow(folder);
        for (const each of remove) fs.rmSync(each, { recursive: true, force: true });
    }

    private docker(args: readonly string[]) {
        return spawnSync("docker", args, {
            env: { ...process.env, ...this.env },
            maxBuffer: 64 * 1024 * 1024,
        });
    }
}

const RUN_PREFIX = "edge-os-docker-run-";
/** Says where the engine of a folder has its sockets, for whoever has to tidy up after it. */
const RUN_NOTE = "run-folder";

/** What an engine has left that was killed: its sockets, and its folder mounted over itself. */
function removeLeftovers(folder: string): void {
    unmountBelow(folder);
    const note = path.join(folder, RUN_NOTE);
    const run = fs.existsSync(note) ? fs.readFileSync(note, "utf8") : "";
    if (path.basename(run).startsWith(RUN_PREFIX)) fs.rmSync(run, { recursive: true, force: true });
}

function unmountBelow(folder: string): void {
    const own = fs.realpathSync(folder);
    const places = fs
        .readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        // Blanks and the like are written as octal numbers.
        .map((line) =>
            (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_whole, digits: string) =>
                String.fromCharCode(parseInt(digits, 8)),
            ),
        )
        .filter((place) => place.startsWith(`${own}/`));
    // What lies on another comes after it.
    for (const place of places.reverse()) spawnSync("umount", ["-l", place]);
}

function answers(env: Readonly<Record<string, string>>): boolean {
    const options = { env: { ...process.env, ...env }, stdio: "ignore", timeout: 5000 } as const;
    return spawnSync("docker", ["version"], options).status === 0;
}

function addressIn(folder: string): { DOCKER_HOST: string } {
    const socket = path.join(folder, "docker.sock");
    if (Buffer.byteLength(socket) <= LONGEST_SOCKET) return { DOCKER_HOST: `unix://${socket}` };
    throw new Error(
        `${socket} is longer than the path of a socket may be (${LONGEST_SOCKET} bytes): have the clone, or the lab ` +
            "(--dir), in a folder with a shorter path",
    );
}

async function startDaemon(folder: string, run: string, storage: string): Promise<ChildProcess | undefined> {
    const file = (name: string): string => path.join(folder, name);
    const env = addressIn(folder);
    fs.writeFileSync(file("runtime"), FITTING_RUNTIME, { mode: 0o755 });
    fs.rmSync(file("docker.sock"), { force: true });
    fs.writeFileSync(
        file("daemon.json"),
        JSON.stringify({
            hosts: [env.DOCKER_HOST],
            pidfile: path.join(run, "pid"),
            "data-root": file("data"),
            // It has sockets of its own in there.
            "exec-root": path.join(run, "exec"),
            "storage-driver": storage,
            runtimes: { fitting: { path: file("runtime") } },
            "default-runtime": "fitting",
            iptables: false,
            "ip-forward": false,
            // An engine without a bridge removes the one of another engine on this machine.
            ...(fs.existsSync("/sys/class/net/docker0") ? {} : { bridge: "none" }),
        }),
    );
    const log = fs.openSync(file("log"), "w");
    const daemon = spawnServer("dockerd", ["--config-file", file("daemon.json")], {
        stdio: ["ignore", log, log],
        env: { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` },
    });
    fs.closeSync(log);
    const deadline = Date.now() + STARTING_LIMIT;
    while (Date.now() < deadline && daemon.exitCode === null) {
        if (fs.existsSync(file("docker.sock")) && answers(env)) return daemon;
        await sleep(50);
    }
    await endServer(daemon);
    return undefined;
}

function tail(file: string): string {
    return fs.readFileSync(file, "utf8").split("\n").slice(-20).join("\n");
}

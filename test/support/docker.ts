import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { needsTool } from "./tools";

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

/** A Docker engine for tests: the machine's own where there is one, else one that is started for them. */
export class DockerEngine {
    private constructor(
        /** `DOCKER_HOST` where it is not the default. */
        readonly env: Readonly<Record<string, string>>,
        private readonly own?: { process: ChildProcess; folder: string },
    ) {}

    /** Without an engine and the means to start one the test is skipped, and in CI it fails. */
    static async start(test: Mocha.Context): Promise<DockerEngine> {
        needsTool(test, "docker");
        if (answers({})) return new DockerEngine({});
        needsTool(test, "dockerd");
        if (process.getuid?.() !== 0) {
            if (process.env.CI)
                throw new Error("no Docker engine answers here, and only root could start one");
            if (test.test) test.test.title += " (skipped: no Docker engine answers)";
            test.skip();
        }
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-docker-"));
        for (const storage of ["overlay2", "vfs"]) {
            const engine = await startOwn(folder, storage);
            if (engine) return new DockerEngine(engine.env, { process: engine.process, folder });
        }
        throw new Error(`dockerd does not start:\n${tail(path.join(folder, "log"))}`);
    }

    /** Runs the `docker` command, and tells what it printed. */
    run(...args: string[]): string {
        const { status, stdout, stderr } = spawnSync("docker", args, {
            env: { ...process.env, ...this.env },
            maxBuffer: 64 * 1024 * 1024,
        });
        if (status !== 0) throw new Error(`docker ${args.join(" ")}: ${stderr.toString()}`);
        return stdout.toString().trim();
    }

    /** An image of one folder. */
    importFolder(folder: string, reference: string, ...changes: string[]): void {
        const options = changes.flatMap((change) => ["--change", change]);
        const script = 'tar -C "$0" -c . | docker import "$@"';
        const args = ["-c", script, folder, ...options, "-", reference];
        const { status, stderr } = spawnSync("sh", args, { env: { ...process.env, ...this.env } });
        if (status !== 0) throw new Error(`docker import: ${stderr.toString()}`);
    }

    async close(): Promise<void> {
        if (!this.own) return;
        const { process: daemon, folder } = this.own;
        const containers = this.run("ps", "-aq").split("\n").filter(Boolean);
        if (containers.length > 0) this.run("rm", "-f", ...containers);
        await stop(daemon);
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

function answers(env: Readonly<Record<string, string>>): boolean {
    const options = { env: { ...process.env, ...env }, stdio: "ignore", timeout: 5000 } as const;
    return spawnSync("docker", ["version"], options).status === 0;
}

async function startOwn(
    folder: string,
    storage: string,
): Promise<{ env: Record<string, string>; process: ChildProcess } | undefined> {
    const file = (name: string): string => path.join(folder, name);
    fs.writeFileSync(file("runtime"), FITTING_RUNTIME, { mode: 0o755 });
    const socket = `unix://${file("docker.sock")}`;
    fs.writeFileSync(
        file("daemon.json"),
        JSON.stringify({
            hosts: [socket],
            pidfile: file("pid"),
            "data-root": file("data"),
            "exec-root": file("exec"),
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
    const daemon = spawn("dockerd", ["--config-file", file("daemon.json")], {
        stdio: ["ignore", log, log],
        env: { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` },
    });
    fs.closeSync(log);
    // A test run that is ended leaves no engine behind.
    process.once("exit", () => daemon.kill());
    const env = { DOCKER_HOST: socket };
    const deadline = Date.now() + STARTING_LIMIT;
    while (Date.now() < deadline && daemon.exitCode === null) {
        if (fs.existsSync(file("docker.sock")) && answers(env)) return { env, process: daemon };
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await stop(daemon);
    return undefined;
}

async function stop(daemon: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => daemon.once("exit", resolve));
    if (daemon.exitCode === null && daemon.kill()) await gone;
}

function tail(file: string): string {
    return fs.readFileSync(file, "utf8").split("\n").slice(-20).join("\n");
}

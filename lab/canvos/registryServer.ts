import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { endServer, spawnServer } from "./childServer";

export interface RegistryServerOptions {
    /** For its configuration and everything that is pushed to it. */
    folder: string;
    /** Default: a free one. */
    port?: number;
    /** The part `auth` of its configuration. Default: open to all. */
    auth?: string;
    /** Files of its certificate. Default: plain HTTP, which Docker takes from loopback. */
    tls?: { certificate: string; key: string };
}

/** Debian's docker-registry, on loopback. */
export class RegistryServer {
    private constructor(
        private readonly process: ChildProcess,
        readonly port: number,
    ) {}

    static async start(options: RegistryServerOptions): Promise<RegistryServer> {
        fs.mkdirSync(options.folder, { recursive: true });
        const file = path.join(options.folder, "config.yml");
        fs.writeFileSync(file, configuration(options));
        const child = spawnServer("docker-registry", ["serve", file], {
            stdio: ["ignore", "ignore", "pipe"],
        });
        return new RegistryServer(child, await portOf(child));
    }

    async close(): Promise<void> {
        await endServer(this.process);
    }
}

function configuration({ folder, port = 0, auth, tls }: RegistryServerOptions): string {
    const data = JSON.stringify(path.join(folder, "data"));
    const encryption = tls
        ? `, tls: { certificate: ${JSON.stringify(tls.certificate)}, key: ${JSON.stringify(tls.key)} }`
        : "";
    return [
        "version: 0.1",
        "log: { level: info }",
        `storage: { filesystem: { rootdirectory: ${data} }, delete: { enabled: true } }`,
        `http: { addr: "127.0.0.1:${port}", secret: loopback${encryption} }`,
        auth ?? "",
        "",
    ].join("\n");
}

/** The registry says which port it has, also where it has chosen it itself. */
async function portOf(child: ChildProcess): Promise<number> {
    return new Promise((resolve, reject) => {
        const lines: string[] = [];
        child.once("error", reject);
        child.once("exit", () => reject(new Error(`docker-registry ended: ${lines.join("\n")}`)));
        if (!child.stderr) return;
        createInterface(child.stderr).on("line", (line) => {
            lines.push(line);
            const [, port] = /listening on 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
            if (port !== undefined) resolve(Number(port));
        });
    });
}

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { DockerEngine } from "./docker";

const TREE = path.join(__dirname, "canvos/tree");
/** What the fixture's images are made of; the engine has it under all names that its builds ask for. */
const BASE_FILES: Readonly<Record<string, string>> = {
    "etc/os-release": 'ID=ubuntu\nVERSION_ID="24.04"\n',
    "var/lib/dpkg/status":
        "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 13\nDescription: files\n",
    "lib/modules/6.8.0-31-generic/modules.order": "",
    "usr/bin/gcc-14": "#!/bin/sh\necho gcc\n",
};
const APPLETS = "sh cat chmod chown cp echo grep head ls mkdir mv printf rm sed sleep test touch".split(" ");

/** A git repository with CanvOS's layout and its contract, small enough to build in a test: both generations. */
export class CanvosRepository {
    /** By the tag's name. */
    readonly commits: Readonly<Record<string, string>>;

    private constructor(
        /** The checkout, which is a source of its own, too. */
        readonly folder: string,
        tags: readonly string[],
    ) {
        this.commits = Object.fromEntries(tags.map((tag) => [tag, this.git("rev-parse", `${tag}^{}`)]));
    }

    static create(): CanvosRepository {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-canvos-"));
        fs.cpSync(TREE, folder, { recursive: true });
        const git = (...args: string[]): string => runGit(folder, args);
        git("init", "-q", "-b", "main");
        git("config", "user.email", "tests@example.com");
        git("config", "user.name", "Tests");
        inGeneration1(folder);
        const commit = (tag: string): void => {
            git("add", "-A");
            git("commit", "-q", "-m", tag);
            git("tag", "-a", "-m", tag, tag);
        };
        commit("v4.3.3");
        fs.cpSync(TREE, folder, { recursive: true });
        commit("v4.8.10");
        // A release whose Earthfile says another version than its tag.
        fs.appendFileSync(path.join(folder, "README.md"), "CanvOS for tests\n");
        edit(folder, "Earthfile", (text) => text.replace("PE_VERSION=v4.8.10", "PE_VERSION=v4.9.7"));
        commit("v4.9.0");
        git("checkout", "-q", "v4.8.10");
        return new CanvosRepository(folder, ["v4.3.3", "v4.8.10", "v4.9.0"]);
    }

    git(...args: string[]): string {
        return runGit(this.folder, args);
    }

    /** A commit with these files, and the tag moved to it. */
    commitFiles(files: Readonly<Record<string, string>>, tag?: string): string {
        for (const [name, text] of Object.entries(files)) {
            fs.mkdirSync(path.dirname(path.join(this.folder, name)), { recursive: true });
            fs.writeFileSync(path.join(this.folder, name), text);
        }
        this.git("add", "-A");
        this.git("commit", "-q", "-m", "change");
        if (tag !== undefined) this.git("tag", "-f", "-a", "-m", tag, tag);
        return this.git("rev-parse", "HEAD");
    }

    close(): void {
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}

/** The images that a build of the repository starts from, under a registry's name; nothing is pulled. */
export function importBaseImages(engine: DockerEngine, registry: string): void {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-base-"));
    try {
        for (const [name, text] of Object.entries(BASE_FILES)) {
            fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
            fs.writeFileSync(path.join(folder, name), text, { mode: 0o755 });
        }
        fs.mkdirSync(path.join(folder, "bin"));
        fs.copyFileSync("/bin/busybox", path.join(folder, "bin/busybox"));
        for (const applet of APPLETS) fs.symlinkSync("busybox", path.join(folder, "bin", applet));
        const first = `${registry}/edge/canvos/alpine:3.20`;
        engine.importFolder(folder, first);
        for (const version of ["22.04", "24.04"]) {
            engine.run("tag", first, `${registry}/edge/kairos-ubuntu:${version}`);
        }
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

/** As versions before v4.4.12: the Kubernetes versions stand in the Earthfile. */
function inGeneration1(folder: string): void {
    fs.rmSync(path.join(folder, "k8s_version.json"));
    fs.rmSync(path.join(folder, "certs"), { recursive: true });
    edit(folder, "Earthfile", (text) =>
        text
            .replace("PE_VERSION=v4.8.10", "PE_VERSION=v4.3.2")
            .replace(
                "build-provider-images:\n    BUILD +provider-image\n",
                "build-provider-images:\n    BUILD +provider-image --K8S_VERSION=1.27.9\n    BUILD +provider-image --K8S_VERSION=1.28.5\n",
            )
            .replace("ARG UPDATE_KERNEL", "ARG PROXY_CERT_PATH\nARG UPDATE_KERNEL"),
    );
    edit(folder, ".arg.template", (text) =>
        text
            .split("\n")
            .filter((line) => !/^(CIS_HARDENING|EDGE_CUSTOM_CONFIG|FORCE_INTERACTIVE_INSTALL)=/.test(line))
            .join("\n")
            .replace("HTTP_PROXY=\n", "HTTP_PROXY=\nPROXY_CERT_PATH=\n"),
    );
}

function edit(folder: string, name: string, change: (text: string) => string): void {
    const file = path.join(folder, name);
    fs.writeFileSync(file, change(fs.readFileSync(file, "utf8")));
}

function runGit(folder: string, args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync("git", args, { cwd: folder });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString()}`);
    return stdout.toString().trim();
}

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const TAGS = ["v4.3.3", "v4.8.10", "v4.9.0"];
/** Stands in the repository once it is whole. */
const COMPLETE = "edge-os-complete";
const TREE = path.join(__dirname, "tree");
/** A git repository with CanvOS's layout and its contract, small enough to build in seconds: both generations. */
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

    /** In a folder of its own, or in the one given, where it may be already. `files` are added, by their place. */
    static create(given?: string, files: Readonly<Record<string, string>> = {}): CanvosRepository {
        const folder = given ?? fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-canvos-"));
        if (!fs.existsSync(path.join(folder, ".git", COMPLETE))) {
            fs.rmSync(folder, { recursive: true, force: true });
            fs.mkdirSync(folder, { recursive: true });
            write(folder, files);
            fs.writeFileSync(path.join(folder, ".git", COMPLETE), "");
        }
        return new CanvosRepository(folder, TAGS);
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

function write(folder: string, files: Readonly<Record<string, string>>): void {
    const git = (...args: string[]): string => runGit(folder, args);
    const commit = (tag: string): void => {
        git("add", "-A");
        git("commit", "-q", "-m", tag);
        git("tag", "-a", "-m", tag, tag);
    };
    git("init", "-q", "-b", "main");
    git("config", "user.email", "canvos@example.com");
    git("config", "user.name", "CanvOS of the lab");
    copyTree(folder);
    inGeneration1(folder);
    commit("v4.3.3");
    copyTree(folder);
    for (const [place, file] of Object.entries(files)) fs.copyFileSync(file, path.join(folder, place));
    commit("v4.8.10");
    // A release whose Earthfile says another version than its tag.
    fs.appendFileSync(path.join(folder, "README.md"), "CanvOS of the lab\n");
    edit(folder, "Earthfile", (text) => text.replace("PE_VERSION=v4.8.10", "PE_VERSION=v4.9.7"));
    commit("v4.9.0");
    git("checkout", "-q", "v4.8.10");
}

function copyTree(folder: string): void {
    fs.cpSync(TREE, folder, { recursive: true });
    // Under its own name it would keep files out of this package.
    fs.renameSync(path.join(folder, "gitignore"), path.join(folder, ".gitignore"));
    fs.chmodSync(path.join(folder, "earthly.sh"), 0o755);
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

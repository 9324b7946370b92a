import { expect } from "chai";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { build, folderOf, type BuildTools } from "../../../provider/canvos/build";
import type { BuildPlan } from "../../../provider/canvos/build.plan";
import { Docker } from "../../../provider/canvos/docker";
import { Git } from "../../../provider/canvos/git";
import { LUET_LOGIN } from "../../../provider/canvos/supervisor";
import { identifyProcess } from "../../../provider/process/processIdentity";
import { messageOf } from "../../../provider/resource/errors";
import { FileLock } from "../../../provider/process/fileLock";
import { testContext } from "../../support/context";
import { errorOf } from "../../support/failure";

/** A `docker` that has every image and starts nothing. */
const DOCKER = `#!/bin/sh
case "$1" in
info) echo ENGINE ;;
context) echo unix:///nowhere ;;
image) echo sha256:abc ;;
esac
`;

const sleep = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe("CanvOS builds beside each other", () => {
    let work: string;
    let tools: BuildTools;

    beforeEach(() => {
        work = fs.mkdtempSync(path.join(os.tmpdir(), "canvos-build-"));
        const bin = path.join(work, "bin");
        fs.mkdirSync(bin);
        fs.writeFileSync(path.join(bin, "docker"), DOCKER, { mode: 0o755 });
        const env = { PATH: `${bin}:${process.env.PATH ?? ""}`, HOME: work };
        tools = {
            ...{ docker: new Docker(env), git: new Git(env), work, secrets: [] },
            dockerConfig: () => Promise.resolve("{}"),
            settings: {},
        };
    });
    afterEach(() => {
        fs.rmSync(work, { recursive: true });
    });

    it("give the engine free again where another run has built the same meanwhile", async () => {
        const plan = planOf("same");
        const folder = folderOf(work, plan.inputHash);
        const lockFile = path.join(work, "docker-ENGINE.lock");
        const other = await FileLock.take(lockFile, { what: "other", sleep });
        const context = testContext({ client: undefined, sleep });
        const progress = (text: string): void => {
            if (!text.startsWith("waits for the build of other") || fs.existsSync(folder.path)) return;
            fs.mkdirSync(folder.path, { recursive: true });
            fs.writeFileSync(path.join(folder.path, "ended"), "0");
            other.release();
        };

        await build(plan, tools, { ...context, progress });

        expect(fs.existsSync(lockFile), "still held").to.equal(false);
    });

    it("are not begun anew because the engine does not answer when they are asked for", async () => {
        const plan = planOf("kept");
        const images = { providers: { "1.34.2": "registry.example.com/ubuntu:v1" } };
        const made = {
            ...plan,
            names: { ...plan.names, ...images },
            makes: { ...plan.makes, providerImages: true },
        };
        const { path: folder, log } = folderOf(work, plan.inputHash);
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(path.join(folder, "ended"), "0");
        fs.writeFileSync(log, "");
        const down =
            "#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///nowhere.' >&2\nexit 1\n";
        fs.writeFileSync(path.join(work, "bin/docker"), down);

        const error = await errorOf(build(made, tools, testContext({ client: undefined, sleep })));

        expect(messageOf(error)).to.contain("Docker cannot be reached");
        expect(fs.existsSync(log), "the build is still there").to.equal(true);
    });

    it("take the logins away that a build has left which was killed with its run", async () => {
        const lost = folderOf(work, "0123456789abcdef");
        fs.mkdirSync(path.join(lost.home, ".docker"), { recursive: true });
        fs.mkdirSync(lost.tree);
        for (const login of [path.join(lost.home, ".docker/config.json"), path.join(lost.tree, LUET_LOGIN)])
            fs.writeFileSync(login, "a password");
        fs.writeFileSync(path.join(lost.path, "supervisor"), '{"pid":1,"started":"another time"}');
        const next = (): Promise<unknown> =>
            errorOf(build(planOf("next"), tools, testContext({ client: undefined, sleep })));
        await next();

        expect(fs.existsSync(lost.home)).to.equal(false);
        expect(fs.readdirSync(lost.tree)).to.deep.equal([]);
        fs.writeFileSync(lost.log, "");
        fs.utimesSync(lost.log, 1, 1);
        await next();
        expect(fs.existsSync(lost.path), "after a week").to.equal(false);
    });

    it("show no secret of user-data in what they say", async () => {
        const text = "#cloud-config\nstylus: { site: { edgeHostToken: the-token-1 } }\n";
        const plan = { ...planOf("secret"), texts: [{ to: "user-data", text }] };
        const folder = folderOf(work, plan.inputHash);
        fs.mkdirSync(folder.path, { recursive: true });
        fs.writeFileSync(folder.log, "error: token the-token-1 is not valid\n");
        const child = spawn("sh", ["-c", "read -r word; printf 1 >ended"], { cwd: folder.path });
        const identity = identifyProcess(child.pid ?? 0);
        fs.writeFileSync(path.join(folder.path, "supervisor"), JSON.stringify(identity));
        const context = testContext({
            client: undefined,
            sleep: () => {
                child.stdin.end();
                return sleep();
            },
        });
        const error = await errorOf(build(plan, tools, context));

        expect(messageOf(error)).to.contain("error: token [secret] is not valid");
    });

    it("say what to do about files of root that an earlier one has left", async () => {
        const plan = planOf("root");
        const { path: folder } = folderOf(work, plan.inputHash);
        fs.mkdirSync(folder, { recursive: true });
        // Whoever runs the tests may be root, whom nothing is denied.
        const module = fs.promises as { rm: typeof fs.promises.rm };
        const sync = createRequire(__filename)("node:fs") as { rmSync: typeof fs.rmSync };
        const [rm, rmSync] = [module.rm, sync.rmSync];
        const denied = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
        module.rm = () => Promise.reject(denied);
        sync.rmSync = (file, options) => {
            if (file === folder) throw denied;
            rmSync(file, options);
        };
        try {
            const error = await errorOf(build(plan, tools, testContext({ client: undefined, sleep })));
            expect(messageOf(error)).to.match(/wrote it as root. Remove it with sudo rm -rf \S+builds/);
        } finally {
            Object.assign(module, { rm });
            Object.assign(sync, { rmSync });
        }
    });
});

function planOf(inputHash: string): BuildPlan {
    return {
        inputHash,
        known: {
            ...{ identity: "", commit: "0".repeat(40), repository: "/nowhere", changed: [] },
            checkout: {
                earthfile: {
                    ...{ declared: new Set(), defaults: new Map(), targets: new Set() },
                    ...{ recipes: new Map(), writtenVersions: [] },
                },
                ...{ template: new Map(), script: "", scriptVariables: new Set(), hasSecureBootKeys: false },
            },
        },
        ...{ variables: {}, targets: ["iso"], placements: [], texts: [], downloads: [], environment: {} },
        names: { imageTag: "v1-a", providers: {}, installer: "installer", isoDisk: "disk" },
        ...{ isoName: "installer", exactTag: false },
        makes: { providerImages: false, installer: false, iso: false },
    };
}

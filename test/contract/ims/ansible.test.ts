import { expect } from "chai";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startLab, type Lab } from "../../../lab";
import type { ImsClient } from "../../../provider/ims/client";
import { customizedImage } from "../../../provider/ims/customizedImage.handler";
import type { TestContext } from "../../support/context";
import { failure } from "../../support/failure";
import { addPython, needsImageRoots } from "../../support/imageRoot";
import { importImage } from "../../support/ims";
import { ImsRuns } from "../../support/imsRuns";
import { Row } from "../../support/row";
import { needsTool } from "../../support/tools";

/** Stands in for ansible-playbook: tells what it was given, and enters the image by it. */
const FAKE = `#!/usr/bin/env node
const fs = require("node:fs"), { spawnSync } = require("node:child_process");
const [, inventory, , variables, ...rest] = process.argv.slice(2);
const { cfs_image, ...groups } = JSON.parse(fs.readFileSync(inventory)).all.children;
const [[name, host]] = Object.entries(cfs_image.hosts);
const files = fs.readdirSync(require("node:path").dirname(inventory)).map((file) => ({
    file, mode: (fs.statSync(require("node:path").dirname(inventory) + "/" + file).mode & 0o777).toString(8) }));
fs.writeFileSync(process.env.TOLD, JSON.stringify({ inventory, rest, name, host, groups, files, pid: process.pid,
    cwd: process.cwd(), env: process.env, variables: JSON.parse(fs.readFileSync(variables.slice(1))) }));
console.log("PLAY [all]");
if (rest.includes("--fail")) { console.error("fatal: [image]"); process.exit(2); }
if (rest.includes("--hang")) setInterval(() => {}, 1000);
else {
    const ssh = [...host.ansible_ssh_common_args.split(" "), "-p", host.ansible_port, host.ansible_user + "@" + host.ansible_host];
    process.exit(spawnSync("ssh", [...ssh, "echo played > /etc/played"], { stdio: "inherit" }).status);
}
`;

interface Told {
    inventory: string;
    rest: string[];
    name: string;
    host: Record<string, unknown>;
    groups: Record<string, unknown>;
    files: { file: string; mode: string }[];
    pid: number;
    cwd: string;
    env: Record<string, string>;
    variables: Record<string, unknown>;
}

describe("a step with ansible", function () {
    this.timeout(180_000);
    let lab: Lab;
    let dir: string;
    let baseId: string;
    let told: string;
    const runs = new ImsRuns(
        () => lab.ims,
        "ims.CustomizedImage",
        () => dir,
    );

    before(async function () {
        needsImageRoots(this);
        needsTool(this, "/usr/bin/python3");
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "ansible-step-"));
        const parts = { emf: false, images: false, ims: true };
        lab = await startLab({ dir: path.join(dir, "lab"), ...parts, jobSpeed: 100 });
        baseId = (await importImage(lab.ims, "base", lookLikePython)).id;
        await importImage(lab.ims, "bare");
        fs.mkdirSync(path.join(dir, "bin"));
        fs.writeFileSync(path.join(dir, "bin/ansible-playbook"), FAKE, { mode: 0o755 });
        fs.mkdirSync(path.join(dir, "ansible/roles"), { recursive: true });
        told = path.join(dir, "told.json");
    });
    beforeEach(() => {
        fs.rmSync(told, { force: true });
        for (const file of ["ansible/site.yml", "site.yml"]) fs.writeFileSync(path.join(dir, file), PLAYBOOK);
    });
    afterEach(async () => {
        await runs.close();
        expect(lab.ims.store.jobs.list()).to.deep.equal([]);
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    it("tells the playbook what CFS would, keeps secrets out of sight, and leaves nothing", async () => {
        const run = context({
            env: { EDGE_OS_IMS_PASSWORD: "not for children", ANSIBLE_CONFIG: "/etc/a.cfg" },
        });
        const row = new Row(customizedImage);
        const play = { variables: { token: "s3cret" }, groups: ["Compute"], arguments: ["--tags", "x"] };
        await row.up(inputs(play, { environment: { TOLD: told, VAULT: "v4ult" } }), run);
        const seen = read();
        expect(seen.rest).to.deep.equal(["--tags", "x", "site.yml"]);
        expect(seen.cwd).to.equal(fs.realpathSync(path.join(dir, "ansible")));
        expect(seen.name, "as CFS names it").to.equal(baseId);
        expect(seen.host).to.include({
            ansible_user: "root",
            ansible_connection: "ssh",
            ansible_python_interpreter: "/usr/bin/env python3",
            cray_cfs_image: true,
        });
        expect(seen.groups).to.deep.equal({ Compute: { hosts: { [baseId]: null } } });
        expect(seen.variables).to.deep.equal({ token: "s3cret" });
        expect(seen.env).to.include({ VAULT: "v4ult", ANSIBLE_CONFIG: "/etc/a.cfg" });
        expect(Object.keys(seen.env).filter((name) => name.startsWith("EDGE_OS"))).to.deep.equal([]);
        for (const { file, mode } of seen.files) expect(mode, file).to.equal("600");
        expect(fs.existsSync(path.dirname(seen.inventory)), "key and inventory").to.equal(false);
        expect(run.messages.progress).to.include("step 1 (ansible ansible/site.yml): PLAY [all]");
        expect(await runs.fileIn(row.id ?? "", "etc/played")).to.equal("played\n");
        await row.delete(context());
    });

    it("shows the end of what a failed play printed, and leaves nothing", async () => {
        const attempt = new Row(customizedImage).up(
            inputs({ arguments: ["--fail"] }, { environment: { TOLD: told } }),
            context(),
        );
        expect(await failure(attempt))
            .to.include("step 1 (ansible ansible/site.yml) failed with exit code 2")
            .and.include("fatal: [image]");
        expect(fs.existsSync(path.dirname(read().inventory))).to.equal(false);
    });

    it("ends the play when it is cancelled", async () => {
        const abort = new AbortController();
        const run = context({ signal: abort.signal });
        const attempt = new Row(customizedImage).up(
            inputs({ arguments: ["--hang"] }, { environment: { TOLD: told } }),
            run,
        );
        const watch = setInterval(() => {
            if (run.messages.progress.some((line) => line.includes("PLAY")))
                abort.abort(new Error("cancelled"));
        }, 20);
        expect(await failure(attempt)).to.equal("cancelled");
        clearInterval(watch);
        await gone(read().pid);
        expect(fs.existsSync(path.dirname(read().inventory))).to.equal(false);
    });

    it("ends a play that takes too long", async () => {
        const step = { environment: { TOLD: told }, timeLimit: "2s" };
        const attempt = new Row(customizedImage).up(inputs({ arguments: ["--hang"] }, step), context());
        expect(await failure(attempt)).to.include("has not ended within 2 s");
    });

    it("says what to install where the image has no python3", async () => {
        const attempt = new Row(customizedImage).up({ ...inputs({}), baseImage: "bare" }, context());
        expect(await failure(attempt))
            .to.include("the image has no python3")
            .and.include("packages");
    });

    it("warns in a preview, and fails in an update, where there is no ansible-playbook", async () => {
        const env = { PATH: path.join(dir, "ansible") };
        const preview = context({ env, preview: true });
        await new Row(customizedImage).check(inputs({}), preview);
        expect(preview.messages.warn.join()).to.include("install Ansible");
        expect(await failure(new Row(customizedImage).check(inputs({}), context({ env })))).to.include(
            "needs ansible-playbook on PATH",
        );
    });

    it("needs no ansible-playbook for an image that stays as it is", async () => {
        const row = new Row(customizedImage);
        const step = { environment: { TOLD: told } };
        await row.up(inputs({}, step), context());
        expect(await row.up(inputs({}, step), context({ env: { PATH: "/nowhere" } }))).to.equal("same");
        await row.delete(context());
    });

    it("counts everything in the playbook's folder for the content", async () => {
        const row = new Row(customizedImage);
        const before = (await row.check(inputs({}), context())).filesHash;
        fs.writeFileSync(path.join(dir, "ansible/roles/main.yml"), "- debug:\n");
        expect((await row.check(inputs({}), context())).filesHash).to.not.equal(before);
    });

    for (const [title, change, text] of [
        ["without a jail", { jail: false }, "needs jail: true, as in CFS"],
        ["with a playbook beside the program", { playbook: "site.yml" }, "must be in a folder of its own"],
        [
            "with a playbook that is not there",
            { playbook: "ansible/gone.yml" },
            "there is no ansible/gone.yml",
        ],
    ] as const) {
        it(`is refused in a preview ${title}`, async () => {
            const { jail = true, ...play } = change as { jail?: boolean; playbook?: string };
            const attempt = new Row(customizedImage).check(
                { ...inputs(play), jail },
                context({ preview: true }),
            );
            expect(await failure(attempt)).to.include(text);
        });
    }

    it("is played by the real Ansible, with modules, a template and a pinned host key", async function () {
        needsTool(this, "/usr/bin/ansible-playbook");
        fs.writeFileSync(path.join(dir, "ansible/motd.j2"), "{{ greeting }} from {{ inventory_hostname }}\n");
        const row = new Row(customizedImage);
        const run = context({ env: { PATH: "/usr/bin:/bin", HOME: dir } });
        const base = await importImage(lab.ims, "with-python", addPython);
        await row.up({ ...inputs({ variables: { greeting: "hello" } }), baseImage: base.id }, run);
        const { id = "" } = row;
        expect(await runs.fileIn(id, "etc/motd")).to.equal(`hello from ${base.id}\n`);
        expect(await runs.fileIn(id, "etc/image-only")).to.equal("yes");
        expect(run.messages.progress.join("\n")).to.include("PLAY RECAP");
        expect(await listed(id, "tmp")).to.deep.equal([]);
        expect(await listed(id, "root")).to.deep.equal([]);
        await row.delete(context());
    });

    function inputs(play: object, step: object = {}): Record<string, unknown> {
        const ansible = { playbook: "ansible/site.yml", ...play };
        return { baseImage: "base", name: "played", steps: [{ ansible, ...step }] };
    }

    function context(
        more: { signal?: AbortSignal; preview?: boolean; env?: Record<string, string> } = {},
    ): TestContext<ImsClient> {
        const PATH = `${path.join(dir, "bin")}:${process.env.PATH ?? ""}`;
        return runs.context({ ...more, env: { PATH, ...more.env } });
    }

    function read(): Told {
        return JSON.parse(fs.readFileSync(told, "utf8")) as Told;
    }

    async function listed(imageId: string, folder: string): Promise<string[]> {
        const args = ["-lc", "-d", "", await runs.rootfs(imageId), folder];
        const output = execFileSync("unsquashfs", args, { encoding: "utf8" });
        return output.split("\n").filter((line) => line.startsWith(`/${folder}/`));
    }
});

/** Enough for an image in which nothing is played for real. */
function lookLikePython(root: string): void {
    fs.writeFileSync(path.join(root, "usr/bin/python3"), "", { mode: 0o755 });
}

/** Whoever has ended it need not have waited for it. */
async function gone(pid: number): Promise<void> {
    const status = `/proc/${pid}/status`;
    while (fs.existsSync(status) && !fs.readFileSync(status, "utf8").includes("State:\tZ")) await sleep(20);
}

const PLAYBOOK = `- hosts: all
  gather_facts: true
  tasks:
    - ansible.builtin.template: { src: motd.j2, dest: /etc/motd }
    - ansible.builtin.copy: { content: "yes", dest: /etc/image-only }
      when: "'cfs_image' in group_names and cray_cfs_image and ansible_facts.system == 'Linux'"
`;

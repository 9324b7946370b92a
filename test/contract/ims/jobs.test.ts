import { expect } from "chai";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as https from "node:https";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startLab, type Lab } from "../../../lab";
import type { Job } from "../../../lab/ims/store";
import { needsImageRoots } from "../../support/imageRoot";
import { importImage } from "../../support/ims";

/** What the recorded jobs showed, seen by a plain SSH client and plain HTTPS. */
describe("a customization job of the lab's IMS", function () {
    this.timeout(60_000);
    let lab: Lab;
    let dir: string;
    let key: string;
    let token: string;
    let base: string;

    before(async function () {
        needsImageRoots(this);
        dir = fs.mkdtempSync(path.join(os.tmpdir(), "ims-jobs-"));
        lab = await startLab({
            dir: path.join(dir, "lab"),
            emf: false,
            images: false,
            ims: true,
            jobSpeed: 20,
        });
        key = path.join(dir, "key");
        execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
        token = await login();
        base = (
            await importImage(lab.ims, "base", (root) => {
                fs.writeFileSync(path.join(root, "etc/resolv.conf"), "nameserver 192.0.2.1\n");
            })
        ).id;
    });
    after(async () => {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    });

    for (const jail of [true, false]) {
        it(`lets its user change the image ${jail ? "in a jail" : "beside its container"}, and packs it`, async () => {
            const job = await create("layer-1", { jail });
            const history = [await until(job, "waiting_on_user")];
            const root = jail ? "" : "/mnt/image/image-root";
            expect(await ssh(job, `cat ${root}/etc/os-release`)).to.include("ID=small");
            expect(await ssh(job, `ls ${root}/etc/cray/ca`)).to.equal("certificate_authority.crt\n");
            expect(await ssh(job, "echo $IMS_ARCH $IMS_DKMS_ENABLED")).to.equal("x86_64 True\n");
            await ssh(job, `echo changed > ${root}/etc/motd`);
            await ssh(job, `touch ${jail ? "/tmp/complete" : "/mnt/image/complete"}`);
            const done = await until(job, "success");
            history.push(done);
            const image = (await call("GET", `images/${done.resultant_image_id ?? ""}`)) as {
                link: { path: string };
                name: string;
                metadata: object;
            };
            expect(image).to.include({ name: "layer-1" });
            expect(image.metadata).to.deep.equal({});
            const unpacked = await unpack(done.resultant_image_id ?? "");
            expect(fs.readFileSync(path.join(unpacked, "etc/motd"), "utf8")).to.equal("changed\n");
            expect(fs.readFileSync(path.join(unpacked, "etc/resolv.conf"), "utf8")).to.equal(
                "nameserver 192.0.2.1\n",
            );
            expect(fs.readdirSync(path.join(unpacked, "tmp"))).to.deep.equal([]);
            await call("DELETE", `jobs/${job.id}`);
            expect(lab.ims.kubernetesObjects()).to.deep.equal([]);
        });
    }

    it("waits for ever when the flag is in the wrong place", async () => {
        const job = await create("wrong-flag", { jail: true });
        await until(job, "waiting_on_user");
        expect(trySsh(job, "touch /mnt/image/complete")).to.not.equal(0);
        expect((await look(job)).status).to.equal("waiting_on_user");
        await call("DELETE", `jobs/${job.id}`);
        await refused(job);
    });

    it("ends in error, without a session, when the user says that it failed", async () => {
        const job = await create("failed", { jail: true });
        await until(job, "waiting_on_user");
        await ssh(job, "touch /tmp/complete /tmp/failed");
        const ended = await until(job, "error");
        expect(ended.resultant_image_id).to.equal(null);
        await refused(job);
        expect(lab.ims.kubernetesObjects()).to.have.lengthOf(2);
        await call("DELETE", `jobs/${job.id}`);
    });

    it("ends in error when the kernel it was told of is not there", async () => {
        const job = await create("no-kernel", { jail: true, more: { kernel_file_name: "vmlinuz-6.4" } });
        await until(job, "waiting_on_user");
        await ssh(job, "touch /tmp/complete");
        expect((await until(job, "error")).resultant_image_id).to.equal(null);
        await call("DELETE", `jobs/${job.id}`);
    });

    it("goes on where it was after a restart of the lab", async () => {
        const job = await create("restarted", { jail: true });
        await until(job, "waiting_on_user");
        await ssh(job, "echo kept > /etc/motd");
        await lab.close();
        lab = await startLab({
            dir: path.join(dir, "lab"),
            emf: false,
            images: false,
            ims: true,
            jobSpeed: 20,
        });
        expect(await ssh(job, "cat /etc/motd")).to.equal("kept\n");
        await ssh(job, "touch /tmp/complete");
        await until(job, "success");
        await call("DELETE", `jobs/${job.id}`);
    });

    it("stops for ever where a defect stops it", async () => {
        lab.ims.breakNextJob({ at: "fetching_image", do: "hang" });
        const job = await create("stuck", { jail: true });
        await until(job, "fetching_image");
        await call("DELETE", `jobs/${job.id}`);
        while (fs.existsSync(path.join(dir, "lab/ims/jobs", job.id))) await sleep(20);
    });

    it("lets nobody in without a token, and hands out access to its storage", async () => {
        expect((await request("GET", "/apis/ims/v3/images", {})).status).to.equal(403);
        expect((await request("GET", "/apis/ims/v3/images", { authorization: "Bearer x" })).status).to.equal(
            401,
        );
        const { status, text } = await request("PUT", "/apis/sts/token", {
            authorization: `Bearer ${token}`,
        });
        expect(status).to.equal(201);
        const { Credentials } = JSON.parse(text) as { Credentials: Record<string, string> };
        expect(Credentials).to.have.keys([
            "EndpointURL",
            "AccessKeyId",
            "SecretAccessKey",
            "SessionToken",
            "Expiration",
        ]);
        expect(Credentials.EndpointURL).to.equal(lab.ims.storage);
    });

    async function login(): Promise<string> {
        const form = new URLSearchParams({
            ...{
                grant_type: "client_credentials",
                client_id: lab.ims.clientId,
                client_secret: lab.ims.clientSecret,
            },
        });
        const path = "/keycloak/realms/shasta/protocol/openid-connect/token";
        const { text } = await request(
            "POST",
            path,
            { "content-type": "application/x-www-form-urlencoded" },
            form.toString(),
        );
        return (JSON.parse(text) as { access_token: string }).access_token;
    }

    async function create(name: string, { jail, more = {} }: { jail: boolean; more?: object }): Promise<Job> {
        const publicKey = fs.readFileSync(`${key}.pub`, "utf8").trim();
        const record = (await call("POST", "public-keys", { name: "test", public_key: publicKey })) as {
            id: string;
        };
        const job = (await call("POST", "jobs", {
            ...{
                job_type: "customize",
                artifact_id: base,
                public_key_id: record.id,
                image_root_archive_name: name,
            },
            ...{ ssh_containers: [{ name: "test", jail }], ...more },
        })) as Job;
        // As CFS does: the job has its copy.
        await call("DELETE", `public-keys/${record.id}`);
        return job;
    }

    async function look({ id }: Job): Promise<Job> {
        return (await call("GET", `jobs/${id}`)) as Job;
    }

    async function until(job: Job, status: string): Promise<Job> {
        for (;;) {
            const now = await look(job);
            if (now.status === status) return now;
            if (["error", "success"].includes(now.status)) throw new Error(`the job ended in ${now.status}`);
            await sleep(20);
        }
    }

    async function call(method: string, path: string, body?: object): Promise<unknown> {
        const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
        const { status, text } = await request(
            method,
            `/apis/ims/v3/${path}`,
            headers,
            body && JSON.stringify(body),
        );
        expect(status, `${method} ${path}: ${text}`).to.be.within(200, 299);
        return text === "" ? undefined : JSON.parse(text);
    }

    function request(
        method: string,
        path: string,
        headers: Record<string, string>,
        body = "",
    ): Promise<{ status: number; text: string }> {
        return new Promise((resolve, reject) => {
            const sent = https.request(
                `${lab.ims.endpoint}${path}`,
                { method, headers, ca: lab.ca },
                (answer) => {
                    const chunks: Buffer[] = [];
                    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
                    answer.on("end", () =>
                        resolve({
                            status: answer.statusCode ?? 0,
                            text: Buffer.concat(chunks).toString("utf8"),
                        }),
                    );
                },
            );
            sent.on("error", reject);
            sent.end(body);
        });
    }

    function sshArguments(job: Job, command: string): string[] {
        const port = job.ssh_containers?.[0]?.connection_info.customer_access.port ?? 0;
        const options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "BatchMode=yes",
        ];
        return [
            ...options.flatMap((option) => ["-o", option]),
            "-i",
            key,
            "-p",
            String(port),
            "root@127.0.0.1",
            command,
        ];
    }

    /** Retries while the server is not up yet, which the status does not tell. */
    async function ssh(job: Job, command: string): Promise<string> {
        for (;;) {
            const { status, stdout, stderr } = spawnSync("ssh", sshArguments(job, command), {
                encoding: "utf8",
            });
            if (status === 0) return stdout;
            if (!stderr.includes("Connection refused"))
                throw new Error(`ssh ${command}: ${status ?? ""} ${stderr}`);
            await sleep(20);
        }
    }

    function trySsh(job: Job, command: string): number | null {
        return spawnSync("ssh", sshArguments(job, command)).status;
    }

    async function refused(job: Job): Promise<void> {
        while (trySsh(job, "true") !== 255) await sleep(20);
    }

    async function unpack(imageId: string): Promise<string> {
        const rootfs = await lab.ims.objects.get({ bucket: "boot-images", key: `${imageId}/rootfs` });
        const file = path.join(dir, `${imageId}.sqsh`);
        fs.writeFileSync(file, rootfs ?? "");
        execFileSync("unsquashfs", ["-no-progress", "-d", path.join(dir, imageId), file], {
            stdio: "ignore",
        });
        return path.join(dir, imageId);
    }
});

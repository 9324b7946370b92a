import * as childProcess from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { claimsOf } from "../../../provider/image/publish/claims";
import { DirectoryPublisher, thisMachine } from "../../../provider/image/publish/directory";
import { folderClaims } from "../../../provider/image/publish/folderClaims";
import { fileSource, type PublishTask } from "../../../provider/image/publish/publisher";
import { skipBecause } from "../../support/tools";
import { MIB, temporaryFolder } from "./fixtures";

const sha256 = (bytes: Buffer): string => crypto.createHash("sha256").update(bytes).digest("hex");
const CONTENT = Buffer.concat([Buffer.alloc(2 * MIB), Buffer.from("an image"), Buffer.alloc(MIB)]);
const NAME = "image-0011223344556677.img";
const ROW_A = "aaaaaaaaaaaa-11111111";
const ROW_B = "aaaaaaaaaaaa-22222222";
const FOREIGN = "ffffffffffff-11111111";

const PUBLISHERS = path.resolve(__dirname, "../../../provider/image/publish");
/** Publishes a GiB in a process of its own. */
const PUBLISH = `
const { DirectoryPublisher } = require(${JSON.stringify(path.join(PUBLISHERS, "directory"))});
const { fileSource } = require(${JSON.stringify(path.join(PUBLISHERS, "publisher"))});
const { source, directory, ...task } = JSON.parse(process.argv[1]);
new DirectoryPublisher(directory, async () => "").put({
    sizeBytes: 2 ** 30, ...task, source: fileSource(source), claim: "${ROW_A}00000009",
});
`;

describe("publishing into a directory", () => {
    const folder = temporaryFolder();
    let directory: string;
    let source: string;
    let target: string;

    beforeEach(() => {
        directory = folder.path(crypto.randomBytes(4).toString("hex"), "published");
        source = folder.path("source.img");
        target = path.join(directory, NAME);
        fs.writeFileSync(source, CONTENT);
    });

    const file = { fileName: NAME, sha256: sha256(CONTENT), sizeBytes: CONTENT.length };

    function publisher(into = directory): DirectoryPublisher {
        return new DirectoryPublisher(into, async (name) => sha256(fs.readFileSync(name)));
    }

    function put(change: Partial<PublishTask> = {}, into = directory): Promise<"published" | "taken"> {
        return publisher(into).put({
            ...{ ...file, source: fileSource(source), claim: `${ROW_A}00000001` },
            ...change,
        });
    }

    function release(claim: string): Promise<"removed" | "left"> {
        return publisher().release(file, claim, { onRelease: "remove" });
    }

    async function failure(work: Promise<unknown>): Promise<string> {
        return work.then(
            () => "did not fail",
            (error: unknown) => (error as Error).message,
        );
    }

    function images(): string[] {
        return fs.readdirSync(directory).filter((name) => !/\.(claim\.json|sha256)$/.test(name));
    }

    it("says that a file is in the way of the folder", async () => {
        fs.mkdirSync(path.dirname(directory), { recursive: true });
        fs.writeFileSync(directory, "");
        for (const blocked of [directory, path.join(directory, "below")]) {
            expect(await failure(put({}, blocked))).to.equal(
                `publish.directory: ${blocked} is a file, or below one, and no folder: name another`,
            );
        }
    });

    it("says that there can be no such folder", async function () {
        if (!fs.existsSync("/proc/self")) skipBecause(this, "there is no /proc");
        expect(await failure(put({}, "/proc/edge-os/images"))).to.equal(
            "publish.directory: /proc/edge-os/images cannot be written to (ENOENT): create it with write permission, or name another",
        );
    });

    it("says that there is no room, and leaves nothing", () => {
        const publication = { ...file, source, directory };
        // What a process may write into one file ends here as a full disk would end it.
        const { stderr } = childProcess.spawnSync(
            "sh",
            [
                "-c",
                'ulimit -f 8 && exec "$0" "$@"',
                process.execPath,
                "-r",
                "ts-node/register/transpile-only",
                "-e",
                PUBLISH,
                JSON.stringify(publication),
            ],
            { encoding: "utf8" },
        );
        expect(stderr).to.contain(
            `${directory} has no room for the image of ${CONTENT.length} bytes (EFBIG)`,
        );
        expect(fs.readdirSync(directory)).to.deep.equal([]);
    });

    it("makes the folder and puts the same bytes there, readable by a web server", async () => {
        const before = process.umask(0o077);
        try {
            expect(await put()).to.equal("published");
        } finally {
            process.umask(before);
        }
        expect(fs.readFileSync(target).equals(CONTENT)).to.equal(true);
        expect(fs.statSync(target).mode & 0o777).to.equal(0o644);
        expect(images()).to.deep.equal([NAME]);
    });

    it("publishes nothing when the source was changed since it was checked", async () => {
        fs.writeFileSync(source, Buffer.concat([CONTENT, Buffer.from("!")]));
        expect(await failure(put())).to.contain("changed since it was checked");
        expect(fs.readdirSync(directory)).to.deep.equal([]);
    });

    it("takes what is already there with the same content", async () => {
        await put();
        const { ino } = fs.statSync(target);
        expect(await put({ claim: `${ROW_A}00000002` })).to.equal("taken");
        expect(fs.statSync(target).ino).to.equal(ino);
    });

    it("never overwrites other content that is not its own", async () => {
        fs.mkdirSync(directory, { recursive: true });
        fs.writeFileSync(target, "precious");
        expect(await failure(put())).to.contain("not overwritten");
        expect(fs.readFileSync(target, "utf8")).to.equal("precious");
        expect(images()).to.deep.equal([NAME]);
    });

    it("repairs its own file that was damaged, keeping the damaged one aside", async () => {
        await put();
        fs.writeFileSync(target, "damaged");
        expect(await put({ claim: `${ROW_A}00000002` })).to.equal("published");
        expect(fs.readFileSync(target).equals(CONTENT)).to.equal(true);
        expect(fs.readFileSync(`${target}.damaged-1`, "utf8")).to.equal("damaged");
    });

    it("removes the file with the last claim only", async () => {
        await put();
        await put({ claim: `${ROW_B}00000001` });
        await put({ claim: `${FOREIGN}00000001` });
        expect(await release(`${ROW_A}00000001`)).to.equal("left");
        expect(await release(`${FOREIGN}00000001`)).to.equal("left");
        expect(await release(`${ROW_B}00000001`)).to.equal("removed");
        expect(fs.readdirSync(directory)).to.deep.equal([]);
    });

    it("leaves what a newer generation of the same row has taken over", async () => {
        await put();
        await put({ claim: `${ROW_A}00000002` });
        expect(await release(`${ROW_A}00000001`)).to.equal("left");
        expect(fs.existsSync(target)).to.equal(true);
        expect(await release(`${ROW_A}00000002`)).to.equal("removed");
    });

    it("leaves a file that somebody else had put there", async () => {
        fs.mkdirSync(directory, { recursive: true });
        fs.writeFileSync(target, CONTENT);
        expect(await put()).to.equal("taken");
        expect(await put({ claim: `${ROW_A}00000002` })).to.equal("taken");
        expect(await release(`${ROW_A}00000002`)).to.equal("left");
        expect(fs.readdirSync(directory).sort()).to.deep.equal([NAME, `${NAME}.sha256`]);
    });

    it("takes unreadable claims for somebody else's", async () => {
        await put();
        fs.writeFileSync(`${target}.strange.claim.json`, "{");
        expect(await claimsOf(folderClaims(target))).to.have.lengthOf(2);
        expect(await release(`${ROW_A}00000001`)).to.equal("left");
        expect(fs.existsSync(target)).to.equal(true);
    });

    it("removes copies of dead runs, and no others", async () => {
        fs.mkdirSync(directory, { recursive: true });
        const dead = childProcess.spawnSync(process.execPath, ["-e", ""]).pid;
        const copies = [
            `.edge-os-${thisMachine()}-${dead}-00000001.part`,
            `.edge-os-${thisMachine()}-${process.pid}-00000002.part`,
            `.edge-os-00000000-${dead}-00000003.part`,
            "notes.part",
        ];
        for (const name of copies) fs.writeFileSync(path.join(directory, name), "");
        await put();
        expect(images().sort()).to.deep.equal([...copies.slice(1), NAME].sort());
    });

    it("leaves no copy behind when it is called off", async () => {
        const aborted = new AbortController();
        const work = put({
            signal: aborted.signal,
            onProgress: () => aborted.abort(new Error("called off")),
        });
        expect(await failure(work)).to.equal("called off");
        expect(fs.readdirSync(directory)).to.deep.equal([]);
    });

    it("goes on after a crash at any moment", async () => {
        // Between claim and rename: the claim leads nowhere yet.
        await put();
        fs.rmSync(target);
        expect(await put({ claim: `${ROW_A}00000002` })).to.equal("published");
        expect(await release(`${ROW_A}00000002`)).to.equal("removed");
        expect(fs.readdirSync(directory)).to.deep.equal([]);
    });

    it("survives being killed in the middle of a copy", async () => {
        // Large, so that there is a middle; all zeros, so that it takes no room.
        const large = folder.path("large.img");
        fs.writeFileSync(large, "");
        fs.truncateSync(large, 1024 * MIB);
        const publication = { source: large, directory, fileName: NAME, sha256: "0".repeat(64) };
        const child = childProcess.spawn(
            process.execPath,
            ["-r", "ts-node/register/transpile-only", "-e", PUBLISH, JSON.stringify(publication)],
            { stdio: "ignore" },
        );
        const exited = new Promise((resolve) => child.once("exit", resolve));
        const isCopying = (): boolean =>
            fs.existsSync(directory) && fs.readdirSync(directory).some((name) => name.endsWith(".part"));
        while (!isCopying() && child.exitCode === null)
            await new Promise((resolve) => setTimeout(resolve, 2));
        child.kill("SIGKILL");
        await exited;
        expect(child.signalCode).to.equal("SIGKILL");
        expect(isCopying()).to.equal(true);
        expect(fs.existsSync(target)).to.equal(false);

        expect(await put()).to.equal("published");
        expect(images()).to.deep.equal([NAME]);
    });

    it("puts what goes with the image beside it, and takes it away with it", async () => {
        const manifest = { suffix: ".manifest.json", bytes: Buffer.from("{}\n") } as const;
        await put({ extras: [manifest] });
        expect(fs.readFileSync(`${target}.manifest.json`, "utf8")).to.equal("{}\n");
        const checked = childProcess.spawnSync("sha256sum", ["-c", `${NAME}.sha256`], { cwd: directory });
        expect(checked.stdout.toString()).to.equal(`${NAME}: OK\n`);
        // A later version of the package may know more of the same image.
        await put({ extras: [{ ...manifest, bytes: Buffer.from("{ }\n") }] });
        expect(fs.readFileSync(`${target}.manifest.json`, "utf8")).to.equal("{ }\n");
        expect(await release(`${ROW_A}00000001`)).to.equal("removed");
        expect(fs.readdirSync(directory)).to.deep.equal([]);
    });

    it("keeps the file when it is asked to, and notes that its resource is gone", async () => {
        await put();
        const claim = `${ROW_A}00000001`;
        expect(await publisher().release(file, claim, { onRelease: "keep" })).to.equal("left");
        expect(fs.existsSync(target)).to.equal(true);
        expect(await claimsOf(folderClaims(target))).to.deep.equal([{ claim, keep: false, released: true }]);
        // Used again by the same resource, it is no more let go.
        await put({ claim: `${ROW_A}00000002` });
        expect(await claimsOf(folderClaims(target))).to.deep.equal([
            { claim: `${ROW_A}00000002`, keep: false },
        ]);
    });

    it("says that a folder cannot be written to", async () => {
        const blocked = folder.path("blocked");
        fs.writeFileSync(blocked, "");
        expect(await failure(put({}, path.join(blocked, "x")))).to.contain("publish.directory");
    });
});

import { spawnSync } from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { SshConnections, type SshConnection } from "../../provider/ssh";
import { median, report } from "../support/bench";
import { testHost } from "../support/context";
import { Sshd } from "../support/sshd";

const SIZE = 256 << 20;
const ROUNDS = 9;
const TARGET = 0.9;
/** In memory where the system has such a folder: the disk would write down what scp has sent while the other one sends. */
const MEMORY = "/dev/shm";

/** Uploading a file over a new connection, beside scp, which also makes one. */
async function main(): Promise<void> {
    await using sshd = await Sshd.start(fs.existsSync(MEMORY) ? { parent: MEMORY } : {});
    const local = path.join(sshd.dir, "file");
    fs.writeFileSync(local, crypto.randomBytes(SIZE));
    const pairs = [];
    for (let round = 0; round <= ROUNDS; round++) {
        const pair = {
            scp: await timed(() => scp(sshd, local)),
            ours: await timed(() => upload(sshd, local)),
        };
        // The first one is the first to touch that memory.
        if (round > 0) pairs.push(pair);
    }
    const ratio = median(pairs.map(({ scp: theirs, ours }) => theirs / ours));
    const ours = median(pairs.map((pair) => pair.ours));
    const theirs = median(pairs.map((pair) => pair.scp));
    report({
        name: "ssh-upload",
        value: SIZE / 1e6 / ours,
        unit: "MB/s",
        baseline: `${Math.round(SIZE / 1e6 / theirs)} MB/s: scp, same server`,
        ratio,
        target: `>= ${TARGET} x the baseline, median of ${ROUNDS} interleaved pairs`,
        ok: ratio >= TARGET,
    });
}

async function upload({ user, host, port, key, dir }: Sshd, local: string): Promise<void> {
    const login = { key: key.privateKey, from: "the test" };
    await using connections = new SshConnections({ login, clock: testHost() });
    const connection: SshConnection = await connections.connect({ user, host, port });
    await connection.upload(local, path.join(dir, "uploaded"));
}

async function scp({ user, host, port, key, dir }: Sshd, local: string): Promise<void> {
    const options = ["-q", "-i", key.file, "-P", String(port), "-o", "StrictHostKeyChecking=no"];
    const more = ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"];
    const target = `${user}@${host}:${path.join(dir, "copied")}`;
    const { status } = spawnSync("scp", [...options, ...more, local, target]);
    if (status !== 0) throw new Error(`scp ended with ${status}`);
}

async function timed(work: () => Promise<void>): Promise<number> {
    const start = performance.now();
    await work();
    return (performance.now() - start) / 1000;
}

void main();
